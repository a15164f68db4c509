#include "core/batch/record_writer.h"

#include <cstring>

namespace unitscope {

Bytes RecordWriter::write(RecordKind kind, const RecordTimes& times, const RecordFields& fields) noexcept {
  const std::string_view text = fields.text.substr(0, kMaxTextBytes);
  const std::size_t fixed = kHeaderBytes + (fields.state == nullptr ? 0 : kStateBytes);
  const std::size_t size = padded(fixed + text.size());
  const RecordHeader header{.size = static_cast<std::uint32_t>(size),
                            .kind = kind,
                            .flags = fields.urgent ? kUrgent : std::uint8_t{0},
                            .text_bytes = static_cast<std::uint16_t>(text.size()),
                            .sequence = 0,
                            .realtime_ns = times.realtime_ns,
                            .boottime_ns = times.boottime_ns,
                            .value = fields.value,
                            .symbol = fields.symbol,
                            .unit = fields.unit};
  std::memcpy(bytes_.data(), &header, sizeof header);
  if (fields.state != nullptr) std::memcpy(bytes_.data() + kHeaderBytes, fields.state, kStateBytes);
  if (!text.empty()) std::memcpy(bytes_.data() + fixed, text.data(), text.size());
  std::memset(bytes_.data() + fixed + text.size(), 0, size - fixed - text.size());
  return Bytes(bytes_).first(size);
}

}  // namespace unitscope
