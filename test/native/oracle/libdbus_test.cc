// The reference implementation's library judges and reads the same bytes. It is linked into this test program alone.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "core/dbus/names.h"
#include "harness.h"
#include "oracle/differ.h"
#include "support/named_messages.h"
#include "support/random_message.h"

namespace unitscope::test {
namespace {

const Test kNamed{"libdbus: the named messages are judged and read alike, but for the known divergences", [] {
  for (const auto& each : named_messages()) equal(difference(each.bytes), "", each.file());
}};

const Test kKnown{"libdbus: each known divergence is one", [] {
  const MessageParts items = named::body("aas", [](Wire& out) {
    out.array(4, [](Wire& list) { list.bytes.resize(list.bytes.size() + 4 * 1'000'002); });
  });
  const MessageParts path = named::having(MessageParts::path("/" + std::string(64 * 1024, 'a')));
  const MessageParts field = named::with(MessageParts::text(10, "s", "x"));
  const MessageParts interface = named::having(MessageParts::interface("org.freedesktop.DBus.Localized"));
  const MessageParts local = named::having(MessageParts::path("/org/freedesktop/DBus/Localized"));
  const MessageParts name = named::with(MessageParts::destination(":1"));
  std::size_t at = 0;
  for (const MessageParts& parts : {named::text(std::string(1024 * 1024 + 1, 'a')), path, items, field, name, interface, local}) {
    const auto bytes = parts.bytes();
    const LibdbusView theirs = ask_libdbus(bytes);
    const Divergence& known = kDivergences[at++];
    equal(ask_ours(bytes).verdict, known.ours);
    equal(theirs.taken ? "" : theirs.words, known.libdbus, known.why);
  }
  equal(at, kDivergences.size());
}};

const Test kCorpus{"libdbus: every seed of the fuzz targets is judged and read alike", [] {
  std::size_t files = 0;
  for (const auto& [folder, skip] : {std::pair{"dbus_message", 0}, {"dbus_stream", 1}}) {
    for (const auto& entry : std::filesystem::directory_iterator("test/fuzz/corpus/" + std::string(folder))) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::vector<char> seed{std::istreambuf_iterator<char>(file), {}};
      std::vector<std::uint8_t> bytes(seed.begin() + skip, seed.end());
      // Of a stream, the first message.
      if (bytes.size() >= dbus::kFixedHeaderBytes) {
        if (const auto frame = dbus::parse_frame(bytes); frame && frame.value().message_bytes < bytes.size()) bytes.resize(frame.value().message_bytes);
      }
      equal(difference(bytes), "", entry.path().string());
      files++;
    }
  }
  check(files > 120, "the corpus is there");
}};

const Test kValid{"libdbus: what a generator of valid messages makes is taken and read alike, in both byte orders, property", [] {
  Random random;
  RandomMessages make(random);
  for (int round = 0; round < 20'000; round++) {
    const auto bytes = make.valid();
    equal(verdict(bytes), "ok", random.seed());
    equal(difference(bytes), "", random.seed());
  }
}};

const Test kChanged{"libdbus: valid messages with a few wrong bytes are judged and read alike, property", [] {
  Random random;
  RandomMessages make(random);
  std::size_t taken = 0;
  constexpr int kRounds = 100'000;
  for (int round = 0; round < kRounds; round++) {
    const auto bytes = make.changed(make.valid());
    equal(difference(bytes), "", random.seed());
    taken += verdict(bytes) == "ok" ? 1u : 0u;
  }
  check(taken > kRounds / 20 && taken < kRounds / 2, "both are common: " + std::to_string(taken));
}};

const Test kNames{"libdbus: every text of up to five bytes is the same kind of name, or none", [] {
  constexpr std::string_view kLetters = "aZ0_-./:";
  std::string text;
  const auto same = [&](bool ours, dbus_bool_t theirs, std::string_view kind) { test::equal(ours, theirs != 0, std::string(kind) + " " + text); };
  const auto visit = [&](const auto& self) -> void {
    same(dbus::is_object_path(text), dbus_validate_path(text.c_str(), nullptr), "path");
    same(dbus::is_interface(text), dbus_validate_interface(text.c_str(), nullptr), "interface");
    same(dbus::is_interface(text), dbus_validate_error_name(text.c_str(), nullptr), "error");
    same(dbus::is_member(text), dbus_validate_member(text.c_str(), nullptr), "member");
    if (!is_short_unique_name(text)) same(dbus::is_bus_name(text), dbus_validate_bus_name(text.c_str(), nullptr), "bus name");
    if (text.size() == 5) return;
    for (const char letter : kLetters) {
      text.push_back(letter);
      self(self);
      text.pop_back();
    }
  };
  visit(visit);
}};

}  // namespace
}  // namespace unitscope::test
