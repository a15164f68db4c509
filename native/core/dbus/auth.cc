#include "core/dbus/auth.h"

#include <algorithm>
#include <array>

#include "core/base/hex.h"

namespace unitscope::dbus {
namespace {

constexpr std::size_t kGuidDigits = 32;

/// True when the first word of `line` is `verb`.
bool starts(std::string_view line, std::string_view verb) noexcept {
  return line.substr(0, line.find(' ')) == verb;
}

}  // namespace

std::string auth_request(std::uint32_t uid) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text(1, '\0');  // the byte that carries credentials
  text += "AUTH EXTERNAL ";
  for (const char digit : std::to_string(uid)) {
    text += kHex[digit >> 4];
    text += kHex[digit & 15];
  }
  return text + "\r\nBEGIN\r\n";
}

std::string_view name(AuthCode code) noexcept {
  static constexpr std::array<std::string_view, 7> kNames{"none",  "line_too_long", "bad_byte",  "rejected",
                                                          "error", "bad_guid",      "unexpected"};
  return kNames[static_cast<std::size_t>(code)];
}

void AuthReader::judge() noexcept {
  if (starts(line_, "REJECTED")) return finish(AuthCode::kRejected);
  if (starts(line_, "ERROR")) return finish(AuthCode::kError);
  if (!starts(line_, "OK")) return finish(AuthCode::kUnexpected);
  const std::string_view guid = std::string_view(line_).substr(std::min<std::size_t>(3, line_.size()));
  if (guid.size() != kGuidDigits || !std::all_of(guid.begin(), guid.end(), is_hex)) return finish(AuthCode::kBadGuid);
  finish(AuthCode::kNone);
}

std::size_t AuthReader::feed(Bytes bytes) {
  std::size_t used = 0;
  while (state_ == AuthState::kWaiting && used < bytes.size()) {
    const char c = static_cast<char>(bytes[used++]);
    const bool after_return = !line_.empty() && line_.back() == '\r';
    if (after_return) {
      if (c != '\n') {
        finish(AuthCode::kBadByte);
        break;
      }
      line_.pop_back();
      judge();
      break;
    }
    if (c != '\r' && (c < ' ' || c > '~')) {
      finish(AuthCode::kBadByte);
    } else if (line_.size() == kMaxLineBytes) {
      finish(AuthCode::kLineTooLong);
    } else {
      line_.push_back(c);
    }
  }
  return used;
}

}  // namespace unitscope::dbus
