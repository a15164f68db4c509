#include "core/dbus/message.h"

#include "core/dbus/names.h"
#include "core/dbus/wire_reader.h"

namespace unitscope::dbus {
namespace {

enum Field : std::uint8_t {
  kPath = 1, kInterface, kMember, kErrorName, kReplySerial, kDestination, kSender, kSignature, kUnixFds,
};
/// By field code: the one signature the specification allows.
constexpr std::string_view kFieldTypes = " osssussgu";
constexpr std::size_t kFieldsAt = 12;

constexpr std::uint32_t bit(int field) noexcept { return 1u << field; }

/// Fields a message of this type must have; none for types the specification does not know.
constexpr std::uint32_t required(std::uint8_t type) noexcept {
  switch (static_cast<MessageType>(type)) {
    case MessageType::kMethodCall: return bit(kPath) | bit(kMember);
    case MessageType::kMethodReturn: return bit(kReplySerial);
    case MessageType::kError: return bit(kErrorName) | bit(kReplySerial);
    case MessageType::kSignal: return bit(kPath) | bit(kInterface) | bit(kMember);
    default: return 0;
  }
}

void read_name(WireReader& in, std::string_view& out, bool (*valid)(std::string_view) noexcept, Reason reason) noexcept {
  out = in.read_string();
  if (in.ok() && !valid(out)) in.reject(reason);
}

void read_field(WireReader& in, std::uint8_t code, Message& message) noexcept {
  switch (code) {
    case kPath:
      message.path = in.read_path();
      if (is_reserved_path(message.path)) in.reject(Reason::kReservedPath);
      break;
    case kInterface:
      read_name(in, message.interface, is_interface, Reason::kInterface);
      if (message.interface == "org.freedesktop.DBus.Local") in.reject(Reason::kReservedInterface);
      break;
    case kMember: read_name(in, message.member, is_member, Reason::kMember); break;
    case kErrorName: read_name(in, message.error_name, is_interface, Reason::kErrorName); break;
    case kDestination: read_name(in, message.destination, is_bus_name, Reason::kBusName); break;
    case kSender: read_name(in, message.sender, is_bus_name, Reason::kBusName); break;
    case kSignature: message.signature = in.read_signature(); break;
    case kReplySerial:
      message.reply_serial = in.read_u32();
      if (message.reply_serial == 0) in.reject(Reason::kReplySerial);
      break;
    case kUnixFds:
      // Passing descriptors is never negotiated, so nobody may announce any (CVE-2020-12049 class).
      if (in.read_u32() != 0) in.reject(Reason::kUnixFds);
      break;
    default: break;
  }
}

}  // namespace

Result<Frame, Rejection> parse_frame(Bytes bytes) noexcept {
  const std::uint8_t* const at = bytes.data();
  if (at[0] != 'l' && at[0] != 'B') return fail(Rejection{Reason::kHeaderEndian, 0});
  if (at[1] == 0) return fail(Rejection{Reason::kHeaderType, 1});
  if (at[3] != 1) return fail(Rejection{Reason::kHeaderVersion, 3});
  const ByteOrder order = at[0] == 'l' ? ByteOrder::kLittle : ByteOrder::kBig;
  Frame frame{.order = order,
              .type = at[1],
              .serial = load<std::uint32_t>(at + 8, order),
              .body_bytes = load<std::uint32_t>(at + 4, order),
              .field_bytes = load<std::uint32_t>(at + kFieldsAt, order),
              .message_bytes = 0};
  if (frame.serial == 0) return fail(Rejection{Reason::kHeaderSerial, 8});
  if (frame.field_bytes > kMaxArrayBytes) return fail(Rejection{Reason::kHeaderFieldsSize, kFieldsAt});
  const std::uint64_t header = (std::uint64_t{kFixedHeaderBytes} + frame.field_bytes + 7) / 8 * 8;
  const std::uint64_t total = header + frame.body_bytes;
  if (total > kMaxMessageBytes) return fail(Rejection{Reason::kHeaderSize, 4});
  frame.message_bytes = static_cast<std::size_t>(total);
  return frame;
}

Result<Message, Rejection> parse_header(const Frame& frame, Bytes bytes) noexcept {
  Message message;
  message.frame = frame;
  message.bytes = bytes;
  WireReader in(bytes.first(frame.header_bytes()), frame.order, kFieldsAt);
  std::uint32_t seen = 0;
  const std::size_t end = in.read_array(8);
  while (in.ok() && in.offset() < end) {
    in.align(8);
    const std::uint8_t code = in.read_u8();
    if (in.ok() && code == 0) in.reject(Reason::kFieldCode);
    const std::string_view type = in.read_variant_signature();
    if (!in.ok()) break;
    if (code >= kFieldTypes.size()) {
      in.skip(type, 3);  // unknown fields are ignored; array, struct and variant are open around the value
      continue;
    }
    if (type.size() != 1 || type[0] != kFieldTypes[code]) in.reject(Reason::kFieldType);
    if ((seen & bit(code)) != 0) in.reject(Reason::kFieldDuplicate);
    seen |= bit(code);
    if (in.ok()) read_field(in, code, message);
  }
  if (in.ok() && in.offset() != end) in.reject(Reason::kArrayLength);
  in.align(8);
  if (!in.ok()) return fail(in.rejection());
  const std::uint32_t needed = required(frame.type);
  if ((seen & needed) != needed) return fail(Rejection{Reason::kFieldMissing, kFieldsAt});
  if (frame.body_bytes > 0 && message.signature.empty()) {
    return fail(Rejection{Reason::kBodyWithoutSignature, frame.header_bytes()});
  }
  if (frame.body_bytes == 0 && !message.signature.empty()) {
    return fail(Rejection{Reason::kSignatureWithoutBody, frame.header_bytes()});
  }
  return message;
}

Result<void, Rejection> check_body(const Message& message) noexcept {
  WireReader in(message.bytes, message.frame.order, message.frame.header_bytes());
  in.skip(message.signature, 0);
  if (in.ok() && !in.at_end()) in.reject(Reason::kBodyTooLong);
  if (!in.ok()) return fail(in.rejection());
  return {};
}

}  // namespace unitscope::dbus
