#include "core/dbus/wire_reader.h"

#include <array>
#include <cstring>

#include "core/dbus/names.h"

namespace unitscope::dbus {

void WireReader::skip_padding(std::size_t pad) noexcept {
  const std::size_t start = at_;
  const std::uint8_t* const part = take(pad);
  if (part == nullptr) return;
  for (std::size_t i = 0; i < pad; i++) {
    if (part[i] == 0) continue;
    at_ = start + i;
    return reject(Reason::kPadding);
  }
}

void WireReader::check_text(std::string_view text) noexcept {
  if (std::memchr(text.data(), 0, text.size()) != nullptr) return reject(Reason::kStringInnerNul);
  if (!is_utf8(text)) reject(Reason::kUtf8);
}

std::string_view WireReader::read_path() noexcept {
  const std::uint32_t size = read_u32();
  if (size > kMaxPathBytes) {
    reject(Reason::kPathSize);
    return {};
  }
  const std::string_view text = take_text(size);
  if (ok() && !is_object_path(text)) reject(Reason::kPath);
  return ok() ? text : std::string_view{};
}

std::string_view WireReader::read_signature() noexcept {
  const std::size_t size = read_u8();
  const std::string_view text = take_text(size);
  if (!ok()) return {};
  if (const auto broken = check_signature(text)) {
    reject(*broken);
    return {};
  }
  return text;
}

void WireReader::check_variant_signature(std::string_view text) noexcept {
  if (!ok()) return;
  if (const auto broken = check_signature(text)) return reject(*broken);
  if (!is_single_type(text)) reject(Reason::kVariantSignature);
}

std::size_t WireReader::read_array(std::size_t element_alignment) noexcept {
  const std::uint32_t size = read_u32();
  if (size > kMaxArrayBytes) reject(Reason::kArraySize);
  align(element_alignment);  // present even when the array is empty
  if (failure_) return at_;
  if (bytes_.size() - at_ < size) {
    reject(Reason::kTruncated);
    return at_;
  }
  return at_ + size;
}

bool WireReader::skip_basic(char code) noexcept {
  switch (code) {
    case 's': (void)read_string(); return true;
    case 'o': (void)read_path(); return true;
    case 'g': (void)read_signature(); return true;
    case 'b': (void)read_bool(); return true;
    default: break;
  }
  const std::size_t size = fixed_size_of(code);
  if (size == 0) return false;
  align(size);
  (void)take(size);
  return true;
}

void WireReader::skip_nested(std::string_view types, int depth) noexcept {
  struct Frame {
    const char* at;         // next type code
    const char* end;        // where the codes of this container end
    const char* element;    // arrays: the element's first code, else nullptr
    std::size_t array_end;  // arrays: the offset at which the last element ends
  };
  std::array<Frame, kMaxDepth + 1> stack;
  int top = 0;
  stack[0] = {types.data(), types.data() + types.size(), nullptr, 0};
  const auto open = [&](const char* at, const char* end, const char* element, std::size_t array_end) {
    if (depth + top + 1 > kMaxDepth) return reject(Reason::kDepth);
    stack[++top] = {at, end, element, array_end};
  };
  while (ok()) {
    Frame& frame = stack[top];
    if (frame.at == frame.end) {
      if (frame.element != nullptr && at_ < frame.array_end) {
        if (++items_ > kMaxArrayItems) return reject(Reason::kArrayItems);
        frame.at = frame.element;
        continue;
      }
      if (frame.element != nullptr && at_ != frame.array_end) return reject(Reason::kArrayLength);
      if (top == 0) return;
      top--;
      continue;
    }
    const char code = *frame.at++;
    if (skip_basic(code)) continue;
    const std::string_view rest(frame.at, frame.end);
    if (code == 'v') {
      const std::string_view inner = read_variant_signature();
      open(inner.data(), inner.data() + inner.size(), nullptr, 0);
    } else if (code == 'a') {
      const char* const element = frame.at;
      frame.at += first_type_size(rest);
      const std::size_t array_end = read_array(alignment_of(*element));
      if (const std::size_t size = fixed_size_of(*element); size > 0 && ok()) {
        if ((array_end - at_) % size != 0) return reject(Reason::kArrayLength);
        at_ = array_end;
      } else {
        open(frame.at, frame.at, element, array_end);
      }
    } else {  // `(` or `{`
      align(8);
      const char* const inner = frame.at;
      frame.at += first_type_size({inner - 1, frame.end}) - 1;
      open(inner, frame.at - 1, nullptr, 0);
    }
  }
}

}  // namespace unitscope::dbus
