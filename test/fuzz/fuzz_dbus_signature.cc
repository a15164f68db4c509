// A signature, and values read by it. Input: one byte of length, the signature, the values. For any input: the signature is
// judged as the grammar judges it, and walking the values ends within them, in both byte orders.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/dbus/signature.h"
#include "core/dbus/wire_reader.h"
#include "require.h"
#include "support/signature_oracle.h"

using namespace unitscope;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t length = std::min<std::size_t>(data[0], size - 1);
  const std::string signature(reinterpret_cast<const char*>(data) + 1, length);
  const std::vector<std::uint8_t> values(data + 1 + length, data + size);
  const auto broken = dbus::check_signature(signature);
  // The oracle knows no limit of depth.
  if (!broken || *broken != dbus::Reason::kSignatureDepth) require(!broken == test::oracle_is_signature(signature));
  if (broken) return 0;
  require(signature.empty() || dbus::first_type_size(signature) == test::oracle_type_size(signature));
  for (const ByteOrder order : {ByteOrder::kLittle, ByteOrder::kBig}) {
    dbus::WireReader in(values, order);
    in.skip(signature, 0);
    require(in.offset() <= values.size());
    if (!in.ok()) {
      const std::size_t at = in.rejection().offset;
      require(at <= values.size());
      (void)in.read_u64();
      require(in.offset() == at);  // the first failure sticks
    }
  }
  return 0;
}
