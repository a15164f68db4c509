#pragma once

#include <functional>
#include <string>

#include "support/message_builder.h"
#include "support/random.h"

namespace unitscope::test {

/// Valid messages of all types, fields, signatures and values, and what becomes of them by a few wrong bytes.
class RandomMessages {
 public:
  explicit RandomMessages(Random& random) : random_(random) {}

  std::vector<std::uint8_t> valid() {
    MessageParts parts;
    parts.order = random_.one_in(2) ? ByteOrder::kLittle : ByteOrder::kBig;
    parts.flags = random_.below(256);
    parts.serial = 1 + random_.below(1000);
    parts.type = 1 + random_.below(5);
    parts.fields = fields_of(parts.type);
    for (std::uint32_t i = random_.below(3); i > 0; i--) parts.fields.push_back(any_field(parts.fields));
    for (std::size_t i = parts.fields.size(); i > 1; i--) std::swap(parts.fields[i - 1], parts.fields[random_.below(static_cast<std::uint32_t>(i))]);
    std::string signature;
    for (std::uint32_t i = random_.below(5); i > 0; i--) signature += type(4, true);
    parts.signature = signature.substr(0, signature.size() > 255 ? 0 : std::string::npos);
    if (!parts.signature.empty()) parts.body = [this, types = parts.signature](Wire& out) { values(out, types, 3); };
    return parts.bytes();
  }

  /// Some bytes changed, added or taken away; half of the time the body's length is made to fit.
  std::vector<std::uint8_t> changed(std::vector<std::uint8_t> bytes) {
    for (std::uint32_t i = 1 + random_.below(3); i > 0 && !bytes.empty(); i--) {
      const std::size_t at = random_.below(static_cast<std::uint32_t>(bytes.size()));
      switch (random_.below(6)) {
        case 0: bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ 1u << random_.below(8)); break;
        case 1: bytes[at] = static_cast<std::uint8_t>(random_.below(256)); break;
        case 2: bytes[at] = static_cast<std::uint8_t>("\0\1\xff\x80" "ayvs(){}"[random_.below(12)]); break;
        case 3: bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at)); break;
        case 4: bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::uint8_t>(random_.below(4))); break;
        default: bytes.resize(at);
      }
    }
    if (random_.one_in(2)) fit_body(bytes);
    return bytes;
  }

 private:
  static void fit_body(std::vector<std::uint8_t>& bytes) {
    if (bytes.size() < 16) return;
    Wire wire(bytes[0] == 'B' ? ByteOrder::kBig : ByteOrder::kLittle);
    const std::size_t header = (std::size_t{16} + load<std::uint32_t>(bytes.data() + 12, wire.order()) + 7) / 8 * 8;
    if (header > bytes.size()) return;
    wire.bytes = std::move(bytes);
    wire.patch(4, wire.bytes.size() - header);
    bytes = std::move(wire.bytes);
  }

  std::string word(std::string_view letters, std::uint32_t most) {
    std::string out;
    for (std::uint32_t i = 1 + random_.below(most); i > 0; i--) out += letters[random_.below(static_cast<std::uint32_t>(letters.size()))];
    return out;
  }
  std::string dotted() { return word("ab_Z", 3) + "." + word("ab_", 3) + (random_.one_in(2) ? "." + word("xy", 2) : ""); }
  std::string path() {
    std::string out = random_.one_in(4) ? "/" : "";
    if (out.empty()) for (std::uint32_t i = 1 + random_.below(3); i > 0; i--) out += "/" + word("aZ_09", 4);
    return out;
  }
  std::string bus_name() { return random_.one_in(2) ? ":" + word("019", 2) + "." + word("019", 3) : word("a-_", 3) + ".b" + word("b-1", 3); }
  MessageParts::Field reply_serial() { return MessageParts::reply_serial(1 + random_.below(99)); }

  std::vector<MessageParts::Field> fields_of(unsigned type) {
    switch (type) {
      case 1: return {MessageParts::path(path()), MessageParts::member(word("aB_", 5))};
      case 2: return {reply_serial()};
      case 3: return {reply_serial(), MessageParts::error_name(dotted())};
      case 4: return {MessageParts::path(path()), MessageParts::interface(dotted()), MessageParts::member(word("aB_1", 1) == "1" ? "_" : word("aB", 4))};
      default: return {};
    }
  }
  /// One that is not there yet, or one of a later version.
  MessageParts::Field any_field(const std::vector<MessageParts::Field>& have) {
    const auto free = [&](unsigned code) {
      for (const auto& field : have) if (field.code == code) return false;
      return true;
    };
    if (random_.one_in(3) && free(6)) return MessageParts::destination(bus_name());
    if (random_.one_in(2) && free(7)) return MessageParts::text(7, "s", bus_name());
    const std::string of = type(3, true);
    return {10 + random_.below(200), of, [this, of](Wire& out) { values(out, of, 2); }};
  }

  std::string type(int depth, bool any) {
    static constexpr std::string_view kBasic = "ybnqiuxtdsog";  // no h: libdbus wants its descriptor
    const std::uint32_t kind = any && depth > 0 ? random_.below(10) : 9;
    if (kind == 0) return "a" + type(depth - 1, true);
    if (kind == 1) return "a{" + type(0, false) + type(depth - 1, true) + "}";
    if (kind == 2) return "v";
    if (kind == 3) {
      std::string out = "(";
      for (std::uint32_t i = 1 + random_.below(3); i > 0; i--) out += type(depth - 1, true);
      return out + ")";
    }
    return std::string(1, kBasic[random_.below(static_cast<std::uint32_t>(kBasic.size()))]);
  }

  void values(Wire& out, std::string_view types, int variants) {
    while (!types.empty()) {
      const std::size_t size = size_of_first(types);
      value(out, types.substr(0, size), variants);
      types.remove_prefix(size);
    }
  }
  /// The generator's own: what is tested must not help to make what it is tested with.
  static std::size_t size_of_first(std::string_view types) {
    std::size_t at = 0;
    while (types[at] == 'a') at++;
    if (types[at] != '(' && types[at] != '{') return at + 1;
    int open = 0;
    do {
      open += types[at] == '(' || types[at] == '{' ? 1 : types[at] == ')' || types[at] == '}' ? -1 : 0;
      at++;
    } while (open > 0);
    return at;
  }
  static std::size_t alignment(char code) {
    return std::string_view("ygv").find(code) != std::string_view::npos ? 1 : std::string_view("nq").find(code) != std::string_view::npos ? 2
         : std::string_view("xtd({").find(code) != std::string_view::npos ? 8 : 4;
  }
  std::uint32_t number() { return random_.one_in(4) ? random_.below(3) : random_.below(UINT32_MAX); }

  void value(Wire& out, std::string_view type, int variants) {
    const std::string_view inner = type.substr(1);
    switch (type[0]) {
      case 'y': out.u8(random_.below(256)); break;
      case 'b': out.u32(random_.below(2)); break;
      case 'n': case 'q': out.u16(static_cast<std::uint16_t>(number())); break;
      case 'i': case 'u': out.u32(number()); break;
      case 'x': case 't': case 'd': out.u64(std::uint64_t{number()} << 32 | number()); break;
      case 's': out.str(random_.one_in(5) ? "" : word("ab \n\"", 9) + (random_.one_in(3) ? "\xc3\xa4\xf0\x9f\x98\x80\xef\xbf\xbf" : "")); break;
      case 'o': out.str(path()); break;
      case 'g': out.sig(this->type(3, true)); break;
      case 'v': {
        const std::string of = this->type(variants, variants > 0);
        values(out.sig(of), of, variants - 1);
        break;
      }
      case 'a':
        out.array(alignment(inner[0]), [&](Wire& list) {
          for (std::uint32_t i = random_.below(3); i > 0; i--) value(list, inner, variants);
        });
        break;
      default: values(out.align(8), inner.substr(0, inner.size() - 1), variants);
    }
  }

  Random& random_;
};

}  // namespace unitscope::test
