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
#include "target.h"

namespace {

using namespace unitscope;

void run(Bytes input) {
  if (input.empty()) return;
  const std::size_t length = std::min<std::size_t>(input[0], input.size() - 1);
  const Bytes text = input.subspan(1, length), rest = input.subspan(1 + length);
  const std::string signature(text.begin(), text.end());
  const std::vector<std::uint8_t> values(rest.begin(), rest.end());
  const auto broken = dbus::check_signature(signature);
  // The oracle knows no limit of depth.
  if (!broken || *broken != dbus::Reason::kSignatureDepth) require(!broken == test::oracle_is_signature(signature));
  if (broken) return;
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
}

const fuzz::Register kTarget{{"dbus_signature", run}};

}  // namespace
