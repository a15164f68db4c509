#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "core/dbus/message.h"
#include "oracle/libdbus.h"
#include "support/verdict.h"

namespace unitscope::test {

/// Whether some header field (its code, its text if it is one) is of this kind.
template <typename Kind>
bool any_field(const std::vector<std::uint8_t>& bytes, Kind kind) {
  const auto frame = dbus::parse_frame(bytes).value();
  dbus::WireReader in(Bytes(bytes).first(std::min(bytes.size(), frame.header_bytes())), frame.order, 12);
  const std::size_t end = in.read_array(8);
  bool found = false;
  while (in.ok() && in.offset() < end) {
    in.align(8);
    const std::uint8_t code = in.read_u8();
    const std::string_view type = in.read_variant_signature();
    std::string_view text;
    if (type == "s") text = in.read_string();
    else if (type == "o") text = in.read_path();
    else in.skip(type, 3);
    found = found || kind(code, text);
  }
  return found;
}
inline bool has_field_10(const std::vector<std::uint8_t>& bytes) {
  return any_field(bytes, [](std::uint8_t code, std::string_view) { return code == 10; });
}
/// `:1`, `:` and `:.1`
inline bool is_short_unique_name(std::string_view text) {
  return text.starts_with(':') && (text.find('.') == text.npos || text.starts_with(":."));
}
inline bool has_short_unique_name(const std::vector<std::uint8_t>& bytes) {
  return any_field(bytes, [](std::uint8_t, std::string_view text) { return is_short_unique_name(text); });
}

/// A name of which the one that is reserved for libdbus itself is only the beginning.
inline bool begins_as_reserved(const std::vector<std::uint8_t>& bytes) {
  return any_field(bytes, [](std::uint8_t code, std::string_view text) {
    const std::string_view reserved = code == 1 ? "/org/freedesktop/DBus/Local" : "org.freedesktop.DBus.Local";
    return text.starts_with(reserved) && text != reserved;
  });
}

/// Where this parser and libdbus differ, knowingly. Everything else must be judged and read alike.
struct Divergence {
  std::string_view ours;
  /// Empty when it takes the message.
  std::string_view libdbus;
  std::string_view why;
  bool (*only)(const std::vector<std::uint8_t>&) = nullptr;
};
inline constexpr std::array kDivergences{
    Divergence{"string_size", "", "a limit of ours: 1 MiB of text; libdbus has that of the message"},
    Divergence{"path_size", "", "a limit of ours: 64 KiB, as sd-bus has it; libdbus has that of the message"},
    Divergence{"array_items", "", "a limit of ours: a million elements in one message bound the time it takes"},
    Divergence{"ok", "Message is corrupted (Header field has wrong type)",
               "field 10 is CONTAINER_INSTANCE, a path, to libdbus since 1.13; the specification (0.42) does not know it", has_field_10},
    Divergence{"bus_name", "", "to libdbus a unique name may have one element; the specification wants two in every bus name", has_short_unique_name},
    Divergence{"ok", "Message is corrupted (Uses local interface)",
               "libdbus refuses whatever begins as the reserved name; the specification reserves that name alone", begins_as_reserved},
    Divergence{"ok", "Message is corrupted (Uses local path)", "the same", begins_as_reserved},
};

struct OurView {
  std::string verdict;
  std::string words;
};

/// Without descriptors' numbers: libdbus does not give them out.
struct QuietSpeaker : Speaker {
  void number(char code, std::uint64_t value) {
    if (code == 'h') words += "h ";
    else Speaker::number(code, value);
  }
};

/// The first message in `bytes`, whole.
inline OurView ask_ours(const std::vector<std::uint8_t>& bytes) {
  OurView view{verdict(bytes), {}};
  if (view.verdict != "ok") return view;
  const auto frame = dbus::parse_frame(bytes).value();
  const auto message = dbus::parse_header(frame, Bytes(bytes).first(frame.message_bytes)).value();
  QuietSpeaker out{{frame.order, {}}};
  out.words = std::to_string(frame.type) + " " + std::to_string(frame.serial) + " " + std::to_string(message.reply_serial) + " ";
  for (const auto& text : {message.path, message.interface, message.member, message.error_name, message.destination,
                           message.sender, message.signature}) {
    out.words += std::string(text) + " ";
  }
  dbus::WireReader in(message.bytes, frame.order, frame.header_bytes());
  walk(in, message.signature, out);
  view.words = out.words;
  return view;
}

/// Empty when both judge and read the first message in `bytes` alike, or differ as they are known to; else how they differ.
inline std::string difference(std::vector<std::uint8_t> bytes) {
  const OurView ours = ask_ours(bytes);
  if (ours.verdict == "ok") bytes.resize(dbus::parse_frame(bytes).value().message_bytes);
  const LibdbusView theirs = ask_libdbus(bytes);
  if (theirs.taken && ours.verdict == "ok") {
    return ours.words == theirs.words ? "" : "read differently:\n  ours:    " + ours.words + "\n  libdbus: " + theirs.words;
  }
  if (!theirs.taken && ours.verdict != "ok") return "";
  const std::string words = theirs.taken ? "" : theirs.words;
  for (const Divergence& known : kDivergences) {
    if (known.ours == ours.verdict && known.libdbus == words && (known.only == nullptr || known.only(bytes))) return "";
  }
  return "ours: " + ours.verdict + ", libdbus: " + (theirs.taken ? "taken" : theirs.words);
}

}  // namespace unitscope::test
