#include "dbus_mutator.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "support/message_builder.h"

namespace unitscope::fuzz {
namespace {

using test::Wire;

constexpr std::size_t kFixedBytes = 16;
constexpr std::size_t kMostFields = 64;

/// A header field; of a text (`s`, `o`, `g`) the content alone, else the bytes of the value.
struct Field {
  std::uint8_t code;
  std::string type;
  std::vector<std::uint8_t> value;
};

struct Parts {
  ByteOrder order;
  std::vector<std::uint8_t> fixed;
  std::vector<Field> fields = {};
  std::vector<std::uint8_t> body = {};
  std::vector<std::uint8_t> behind = {};
};

bool is_text(const std::string& type) { return type == "s" || type == "o"; }

/// Reads as far as what it reads has the shape of a field; nothing of it is checked.
std::optional<Parts> take_apart(Bytes in) {
  if (in.size() < kFixedBytes) return std::nullopt;
  Parts parts{.order = in[0] == 'B' ? ByteOrder::kBig : ByteOrder::kLittle, .fixed = {in.begin(), in.begin() + kFixedBytes}};
  const std::size_t end = kFixedBytes + std::min<std::size_t>(load<std::uint32_t>(in.data() + 12, parts.order), in.size() - kFixedBytes);
  std::size_t at = kFixedBytes;
  const auto copy = [&](std::size_t size) {
    std::vector<std::uint8_t> out(in.begin() + static_cast<std::ptrdiff_t>(at), in.begin() + static_cast<std::ptrdiff_t>(at + size));
    at += size;
    return out;
  };
  const auto align = [&](std::size_t to) { at = std::min(in.size(), (at + to - 1) / to * to); };
  while (at < end && parts.fields.size() < kMostFields) {
    align(8);
    if (end - std::min(at, end) < 4) break;
    Field field{.code = in[at], .type = {}, .value = {}};
    const std::size_t letters = in[at + 1];
    at += 2;
    if (letters + 1 > end - at) break;
    for (const std::uint8_t letter : copy(letters)) field.type.push_back(static_cast<char>(letter));
    at++;
    std::size_t size = 0;
    if (field.type == "g") {
      if (at == end) break;
      size = in[at++];
    } else {
      align(4);
      if (end - std::min(at, end) < 4) break;
      if (is_text(field.type)) size = load<std::uint32_t>(in.data() + at, parts.order), at += 4;
      else size = 4;
    }
    if (size > end - at) break;
    field.value = copy(size);
    if (is_text(field.type) || field.type == "g") at = std::min(at + 1, end);
    parts.fields.push_back(std::move(field));
  }
  at = end;
  align(8);
  parts.body = copy(std::min<std::size_t>(load<std::uint32_t>(in.data() + 4, parts.order), in.size() - at));
  parts.behind = copy(in.size() - at);
  return parts;
}

std::vector<std::uint8_t> put_together(const Parts& parts) {
  Wire out(parts.order);
  out.bytes = parts.fixed;
  for (const Field& field : parts.fields) {
    out.align(8).u8(field.code).sig(field.type);
    const std::string text(field.value.begin(), field.value.end());
    if (field.type == "g") out.sig(text);
    else if (is_text(field.type)) out.str(text);
    else out.align(4).raw(text);
  }
  out.patch(12, out.bytes.size() - kFixedBytes);
  out.align(8);
  out.patch(4, parts.body.size());
  for (const auto* each : {&parts.body, &parts.behind}) out.bytes.insert(out.bytes.end(), each->begin(), each->end());
  return std::move(out.bytes);
}

void change(std::vector<std::uint8_t>& bytes, std::size_t room, Mutate any) {
  const std::size_t size = bytes.size();
  bytes.resize(size + std::min<std::size_t>(room, 64));
  if (bytes.empty()) return;
  bytes.resize(any(bytes.data(), size, bytes.size()));
}

}  // namespace

std::size_t mutate_message(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed, Mutate any) {
  auto parts = seed % 16 == 0 ? std::nullopt : take_apart({data, size});
  if (!parts) return any(data, size, max_size);
  auto& fields = parts->fields;
  const std::size_t room = max_size - size;
  const unsigned which = seed / 16 % 16, pick = seed / 256;
  if ((which < 11 && !parts->body.empty()) || fields.empty()) {
    change(parts->body, room, any);
  } else if (which < 13) {
    change(fields[pick % fields.size()].value, room, any);
  } else if (which == 13) {
    fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(pick % fields.size()));
  } else if (which == 14) {
    std::swap(fields[pick % fields.size()], fields.front());
  } else {
    parts->fixed[1] = static_cast<std::uint8_t>(1 + pick % 5);  // the type
  }
  const auto out = put_together(*parts);
  if (out.size() > max_size) return any(data, size, max_size);
  std::memcpy(data, out.data(), out.size());
  return out.size();
}

}  // namespace unitscope::fuzz
