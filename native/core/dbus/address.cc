#include "core/dbus/address.h"

#include <array>
#include <optional>

#include "core/base/parse_int.h"

namespace unitscope::dbus {
namespace {

// The specification's "optionally escaped" bytes; every other byte must be written as %xx.
bool is_plain(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
         c == '/' || c == '.' || c == '\\' || c == '*';
}

Result<std::string, AddressError> unescape(std::string_view text, std::size_t base) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i++) {
    if (text[i] != '%') {
      if (!is_plain(text[i])) return fail(AddressError{AddressCode::kUnescapedByte, base + i});
      out.push_back(text[i]);
      continue;
    }
    const auto digits = text.substr(i + 1, 2);
    const auto byte = digits.size() == 2 ? parse_int<std::uint8_t>(digits, 16) : std::nullopt;
    if (!byte) return fail(AddressError{AddressCode::kBadEscape, base + i});
    out.push_back(static_cast<char>(*byte));
    i += 2;
  }
  return out;
}

/// Cuts off what stands before `mark`; the rest stays in `text`. The whole text when there is no mark.
std::string_view cut(std::string_view& text, char mark) noexcept {
  const auto at = text.find(mark);
  const auto part = text.substr(0, at);
  text.remove_prefix(at == text.npos ? text.size() : at + 1);
  return part;
}

/// The key=value pairs of one `unix:` entry; `base` is where they start in the whole text.
Result<UnixAddress, AddressError> parse_unix(std::string_view pairs, std::size_t base) {
  std::optional<UnixAddress> found;
  std::vector<std::string_view> seen;
  const char* const start = pairs.data();
  while (!pairs.empty()) {
    const std::size_t offset = base + static_cast<std::size_t>(pairs.data() - start);
    std::string_view value = cut(pairs, ',');
    const auto equals = value.find('=');
    if (equals == value.npos || equals == 0) return fail(AddressError{AddressCode::kNoEquals, offset});
    const auto key = cut(value, '=');
    for (const auto& old : seen) {
      if (old == key) return fail(AddressError{AddressCode::kDuplicateKey, offset});
    }
    seen.push_back(key);
    auto plain = unescape(value, offset + equals + 1);
    if (!plain) return fail(plain.error());
    // Other keys (guid) say nothing we need.
    if (key == "dir" || key == "tmpdir" || key == "runtime") return fail(AddressError{AddressCode::kNoSocketPath, offset});
    if (key != "path" && key != "abstract") continue;
    if (found || plain.value().empty()) return fail(AddressError{AddressCode::kNoSocketPath, offset});
    if (plain.value().size() > kMaxSocketPath) return fail(AddressError{AddressCode::kPathTooLong, offset});
    if (plain.value().find('\0') != std::string::npos) return fail(AddressError{AddressCode::kPathWithNul, offset});
    found = UnixAddress{std::move(plain).value(), key == "abstract"};
  }
  if (!found) return fail(AddressError{AddressCode::kNoSocketPath, base});
  return *std::move(found);
}

}  // namespace

std::string_view name(AddressCode code) noexcept {
  static constexpr std::array<std::string_view, 12> kNames{
      "empty",         "too_long",   "no_transport",   "unknown_transport", "refused_transport", "no_equals",
      "duplicate_key", "bad_escape", "unescaped_byte", "no_socket_path",    "path_too_long",     "path_with_nul"};
  return kNames[static_cast<std::size_t>(code)];
}

Result<std::vector<UnixAddress>, AddressError> parse_address(std::string_view text) {
  if (text.empty()) return fail(AddressError{AddressCode::kEmpty, 0});
  if (text.size() > kMaxAddressBytes) return fail(AddressError{AddressCode::kTooLong, kMaxAddressBytes});
  std::vector<UnixAddress> all;
  const char* const start = text.data();
  while (!text.empty()) {
    const auto offset = static_cast<std::size_t>(text.data() - start);
    std::string_view pairs = cut(text, ';');
    if (pairs.empty()) continue;  // `a;;b` and a trailing `;` are harmless
    const auto colon = pairs.find(':');
    if (colon == pairs.npos || colon == 0) return fail(AddressError{AddressCode::kNoTransport, offset});
    const auto transport = cut(pairs, ':');
    if (transport == "unixexec") return fail(AddressError{AddressCode::kRefusedTransport, offset});
    if (transport != "unix") return fail(AddressError{AddressCode::kUnknownTransport, offset});
    auto one = parse_unix(pairs, offset + colon + 1);
    if (!one) return fail(one.error());
    all.push_back(std::move(one).value());
  }
  if (all.empty()) return fail(AddressError{AddressCode::kEmpty, 0});
  return all;
}

}  // namespace unitscope::dbus
