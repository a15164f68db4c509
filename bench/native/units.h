#pragma once

#include <array>
#include <ctime>
#include <string>
#include <unordered_map>
#include <vector>

#include "signal_bytes.h"
#include "traffic.h"

namespace bench {

inline std::uint64_t clock_ns(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

/// A service that goes through a recorded story, and answers as systemd would about where it stands.
struct Unit {
  std::uint32_t number = 0;
  std::uint32_t generation = 0;  // how often another unit took its place
  std::string name;
  std::string path;
  std::vector<std::uint8_t> header;
  Story* story = nullptr;
  std::size_t next = 0;
  std::uint32_t run = 0;  // how often it has been through its story
  std::array<std::uint64_t, kMaxInstants> instants_usec{};
  const Step* unit_step = nullptr;
  const Step* service_step = nullptr;

  [[nodiscard]] std::uint64_t time_of(const Told& told) const {
    return told.instant < 0 ? told.recorded : instants_usec[static_cast<std::size_t>(told.instant)];
  }
  /// The recorded one, made that of this unit and this run.
  [[nodiscard]] Octets invocation_of(const Step& step) const {
    Octets id = step.invocation;
    if (id.size() == 16) std::memcpy(&id[0], &number, 4), std::memcpy(&id[4], &run, 4);
    return id;
  }
};

/// All units, by place and by path.
class Units {
 public:
  Units(std::vector<Story> stories, std::size_t count) : stories_(std::move(stories)), all_(count) {
    const std::uint64_t now = clock_ns(CLOCK_REALTIME) / 1000;
    for (std::size_t i = 0; i < count; i++) {
      Unit& unit = all_[i];
      unit.number = static_cast<std::uint32_t>(i);
      unit.story = &stories_[i % stories_.size()];
      unit.instants_usec.fill(now);
      // Each somewhere else in its story, or changes of all units would come together; after a whole pair.
      const std::size_t steps = unit.story->size();
      unit.next = i / stories_.size() * 2 % steps;
      unit.service_step = &(*unit.story)[(unit.next + steps - 2) % steps];
      unit.unit_step = &(*unit.story)[(unit.next + steps - 1) % steps];
      name(unit, "bench-" + std::to_string(i) + ".service");
    }
  }

  /// Gives a unit the name of the next one in its place. Names come round: what remembers them has a limited number to remember.
  void renew(Unit& unit) {
    by_path_.erase(unit.path);
    const auto generation = std::to_string(++unit.generation % kGenerations);
    name(unit, "bench-" + std::to_string(unit.number) + "-" + generation + ".service");
  }

  std::vector<Unit>& all() { return all_; }
  Unit* find(const char* path) const {
    const auto found = by_path_.find(path);
    return found == by_path_.end() ? nullptr : found->second;
  }

 private:
  static constexpr std::uint32_t kGenerations = 2;

  void name(Unit& unit, std::string name) {
    unit.name = std::move(name);
    unit.path = unit_path(unit.name);
    unit.header = signal_header(unit.path, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as");
    by_path_.emplace(unit.path, &unit);
  }

  std::vector<Story> stories_;
  std::vector<Unit> all_;
  std::unordered_map<std::string, Unit*> by_path_;
};

}  // namespace bench
