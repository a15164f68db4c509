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
    test::equal(whole.bytes.size(), whole.too_large() ? 0 : whole.frame.message_bytes);
    out += std::to_string(whole.frame.serial) + ":" + std::to_string(whole.frame.message_bytes) + " ";
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
  constexpr std::size_t kBody = Framer::kHeldBytes - 1024;
  MessageParts large{.signature = "ay", .body = [](test::Wire& out) { out.u32(kBody); }, .extra_body_bytes = kBody};
  const std::vector<std::uint8_t> start = large.bytes(), body(kBody);
  Framer framer;
  test::equal(fed(framer, start), "");
  test::check(framer.capacity() < 4096, "2 MiB announced, 200 bytes there");
  test::equal(fed(framer, body), "7:" + std::to_string(start.size() + kBody) + " ");
  test::equal(fed(framer, Bytes()), "");
  test::check(framer.capacity() <= Framer::kKeptBytes, "a large message gives its memory back");
}};

const test::Test kTooLarge{"dbus framer: a message too large to be held is told by its header and passed by, wherever it is cut", [] {
  MessageParts huge{.signature = "ay", .body = [](test::Wire& out) { out.u32(Framer::kHeldBytes); },
                    .extra_body_bytes = Framer::kHeldBytes};
  std::vector<std::uint8_t> all = stream_of(1);
  const std::size_t first = all.size(), size = huge.bytes().size() + Framer::kHeldBytes;
  for (const auto& part : {huge.bytes(), std::vector<std::uint8_t>(Framer::kHeldBytes), stream_of(1)}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  const std::string one = "1:" + std::to_string(first) + " ";
  const std::string expected = one + "7:" + std::to_string(size) + " " + one;
  for (std::size_t cut = 0; cut < first + 200; cut++) {
    for (const std::size_t at : {cut, all.size() - cut}) {
      Framer framer;
      const std::string before = fed(framer, Bytes(all).first(at));
      test::equal(before + fed(framer, Bytes(all).subspan(at)), expected, std::to_string(at));
      test::check(framer.capacity() < 4096);
    }
  }
}};

}  // namespace
}  // namespace unitscope::dbus
