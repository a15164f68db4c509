#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/dbus/signal_stream.h"
#include "support/records.h"
#include "support/systemd_signals.h"

namespace unitscope::test {

/// A stream, and what came out of it in words.
class Told {
 public:
  explicit Told(const dbus::UnitFilter& filter = {{}, {}, {}}) : stream_(filter, symbols_, counters) {}

  Told& feed(const std::vector<MessageParts>& messages) { return feed(joined(messages)); }
  Told& feed(const std::vector<std::uint8_t>& bytes) { return feed(Bytes(bytes)); }
  Told& feed(Bytes bytes) {
    const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());  // an over-read shows under ASan
    const auto fed = stream_.feed(exact, {}, sink_);
    if (!fed) end_ = " !" + std::string(name(fed.error().reason));
    return *this;
  }
  Told& flush() { return stream_.decoder().flush(sink_), *this; }
  Told& forget() { return stream_.decoder().forget(), *this; }

  /// Since the last call: `a.service:active/running/success/0 | gone:a.service`, `!reason` when the stream has ended.
  std::string words() {
    std::string out;
    for (const auto& seen : sink_.records) out += (out.empty() ? "" : " | ") + word(seen);
    sink_.records.clear();
    return out + end_;
  }
  /// The same as records.
  std::vector<Seen> records() { return std::exchange(sink_.records, {}); }
  /// Every reason that was counted, in the order of Reason.
  [[nodiscard]] std::string all_rejected() const {
    std::string out;
    for (std::size_t i = 0; i < dbus::kReasons; i++) {
      for (auto left = counters.rejected[i].read(); left > 0; left--) {
        out += (out.empty() ? "" : " ") + std::string(name(static_cast<dbus::Reason>(i)));
      }
    }
    return out;
  }
  [[nodiscard]] std::uint64_t rejected(dbus::Reason reason) const { return counters.rejected[static_cast<std::size_t>(reason)].read(); }

  dbus::SourceCounters counters;
  [[nodiscard]] std::uint64_t holding() { return stream_.decoder().holding(); }
  [[nodiscard]] std::size_t urgents() const { return sink_.urgents; }

 private:
  std::string word(const Seen& seen) const {
    const auto text = [&](Symbol id) { return std::string(symbols_.text(id)); };
    const std::string value = std::to_string(seen.header.value);
    switch (seen.header.kind) {
      case RecordKind::kUnitChanged:
        return seen.text + ":" + text(seen.state.active_state) + "/" + text(seen.state.sub_state) + "/" +
               text(seen.state.result) + "/" + std::to_string(seen.state.n_restarts);
      case RecordKind::kUnitNew: return "new:" + seen.text;
      case RecordKind::kUnitRemoved: return "gone:" + seen.text;
      case RecordKind::kJobNew: return "job:" + seen.text + "/" + value;
      case RecordKind::kJobRemoved: return "job done:" + seen.text + "/" + value + "/" + text(seen.header.symbol);
      case RecordKind::kReloading: return "reloading:" + value;
      case RecordKind::kOwnerChanged: return "systemd:" + value;
      case RecordKind::kUnitFilesChanged: return "files";
      default: return "?";
    }
  }

  SymbolTable symbols_;
  dbus::SignalStream stream_;
  Collector sink_;
  std::string end_;
};

}  // namespace unitscope::test
