#include "core/dbus/framer.h"

#include <algorithm>
#include <string>

#include "harness.h"
#include "support/message_builder.h"
#include "support/random.h"

namespace unitscope::dbus {
namespace {

using test::MessageParts;

/// Feeds a copy of exact size, takes what is whole: `serial:size ` for each, or `!reason` at the end.
std::string fed(Framer& framer, Bytes chunk) {
  const std::vector<std::uint8_t> exact(chunk.begin(), chunk.end());
  std::string out;
  framer.feed(exact);
  while (true) {
    const auto next = framer.next();
    if (!next) return out + "!" + std::string(name(next.error().reason));
    if (!next.value()) return out;
    const Framer::Whole& whole = *next.value();
    test::equal(whole.bytes.size(), whole.frame.message_bytes);
    out += std::to_string(whole.frame.serial) + ":" + std::to_string(whole.bytes.size()) + " ";
  }
}

std::vector<std::uint8_t> stream_of(std::uint32_t messages) {
  std::vector<std::uint8_t> all;
  for (std::uint32_t i = 1; i <= messages; i++) {
    MessageParts parts{.order = i % 3 == 0 ? ByteOrder::kBig : ByteOrder::kLittle, .serial = i, .signature = "s"};
    parts.body = [i](test::Wire& out) { out.str(std::string(i * 7, 'x')); };
    const auto bytes = parts.bytes();
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

const test::Test kSplit{"dbus framer: cut at every byte, the same messages come out", [] {
  const std::vector<std::uint8_t> all = stream_of(4);
  Framer whole;
  const std::string expected = fed(whole, all);
  test::equal(std::count(expected.begin(), expected.end(), ' '), 4);
  for (std::size_t cut = 0; cut <= all.size(); cut++) {
    Framer framer;
    const std::string first = fed(framer, Bytes(all).first(cut));
    test::equal(first + fed(framer, Bytes(all).subspan(cut)), expected, std::to_string(cut));
    test::equal(framer.pending(), 0u);
  }
}};

const test::Test kChunks{"dbus framer: in chunks of any size, the same messages come out, property", [] {
  const std::vector<std::uint8_t> all = stream_of(12);
  Framer whole;
  const std::string expected = fed(whole, all);
  test::Random random;
  for (int round = 0; round < 500; round++) {
    Framer framer;
    std::string out;
    const std::uint32_t most = 1 + random.below(round % 2 == 0 ? 20 : 2000);
    for (Bytes rest = all; !rest.empty();) {
      const std::size_t size = std::min<std::size_t>(rest.size(), random.below(most + 1));
      out += fed(framer, rest.first(size));
      rest = rest.subspan(size);
    }
    test::equal(out, expected, random.seed());
  }
}};

const test::Test kBad{"dbus framer: a bad header is final, whether it comes whole or in parts", [] {
  std::vector<std::uint8_t> all = stream_of(2);
  const std::size_t second = stream_of(1).size();
  all[second] = 'x';
  for (std::size_t cut = 0; cut <= all.size(); cut++) {
    Framer framer;
    std::string out = fed(framer, Bytes(all).first(cut));
    if (out.find('!') == out.npos) out += fed(framer, Bytes(all).subspan(cut));
    test::equal(out, "1:" + std::to_string(second) + " !header_endian", std::to_string(cut));
  }
}};

const test::Test kMemory{"dbus framer: memory follows the bytes that came, not the length a header announces", [] {
  MessageParts huge{.signature = "ay", .body = [](test::Wire& out) { out.u32(31u << 20); }, .extra_body_bytes = 31 << 20};
  const std::vector<std::uint8_t> start = huge.bytes();
  Framer framer;
  test::equal(fed(framer, start), "");
  test::check(framer.capacity() < 4096, "32 MiB announced, 200 bytes there");

  std::string out;
  const std::vector<std::uint8_t> chunk(1 << 20);
  for (int i = 0; i < 31; i++) out += fed(framer, chunk);
  test::equal(out, "7:" + std::to_string(start.size() + (31 << 20)) + " ");
  test::equal(fed(framer, Bytes()), "");
  test::check(framer.capacity() <= Framer::kKeptBytes, "a large message gives its memory back");
}};

}  // namespace
}  // namespace unitscope::dbus
