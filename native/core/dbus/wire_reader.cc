#include "core/dbus/wire_reader.h"

#include <array>
#include <cstring>

#include "core/base/utf8.h"
#include "core/dbus/names.h"
#include "core/dbus/signature.h"

namespace unitscope::dbus {

const std::uint8_t* WireReader::take(std::size_t size) noexcept {
  if (failure_) return nullptr;
  if (bytes_.size() - at_ < size) {
    failure_ = Reason::kTruncated;
    return nullptr;
  }
  const std::uint8_t* const part = bytes_.data() + at_;
  at_ += size;
  return part;
}

void WireReader::align(std::size_t alignment) noexcept {
  const std::size_t pad = (alignment - at_ % alignment) % alignment;
  const std::size_t start = at_;
  const std::uint8_t* const part = take(pad);
  if (part == nullptr) return;
  for (std::size_t i = 0; i < pad; i++) {
    if (part[i] == 0) continue;
    at_ = start + i;
    return reject(Reason::kPadding);
  }
}

std::uint8_t WireReader::read_u8() noexcept {
  const auto* part = take(1);
  return part == nullptr ? 0 : *part;
}

std::uint32_t WireReader::read_u32() noexcept {
  align(4);
  const auto* part = take(4);
  return part == nullptr ? 0 : load<std::uint32_t>(part, order_);
}

std::uint64_t WireReader::read_u64() noexcept {
  align(8);
  const auto* part = take(8);
  return part == nullptr ? 0 : load<std::uint64_t>(part, order_);
}

bool WireReader::read_bool() noexcept {
  const std::uint32_t value = read_u32();
  if (value > 1) reject(Reason::kBoolean);
  return value == 1;
}

std::string_view WireReader::take_text(std::size_t size) noexcept {
  const auto* part = take(size + 1);
  if (part == nullptr) return {};
  const std::string_view text(reinterpret_cast<const char*>(part), size);
  if (part[size] != 0) {
    reject(Reason::kStringNul);
    return {};
  }
  return text;
}

std::string_view WireReader::read_string() noexcept {
  const std::uint32_t size = read_u32();
  if (size > kMaxStringBytes) {
    reject(Reason::kStringSize);
    return {};
  }
  const std::string_view text = take_text(size);
  if (!text.empty() && std::memchr(text.data(), 0, text.size()) != nullptr) reject(Reason::kStringInnerNul);
  if (ok() && !is_utf8(text)) reject(Reason::kUtf8);
  return ok() ? text : std::string_view{};
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

std::string_view WireReader::read_variant_signature() noexcept {
  const std::string_view text = read_signature();
  if (ok() && !is_single_type(text)) reject(Reason::kVariantSignature);
  return text;
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

void WireReader::skip(std::string_view types, int depth) noexcept {
  if (types.size() == 1 && skip_basic(types[0])) return;  // nearly every property
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
