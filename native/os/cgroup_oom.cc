#include "os/cgroup_oom.h"

#include "core/cgroup/oom_line.h"
#include "os/clock.h"

namespace unitscope::cgroup {
namespace {

/// Records of the log taken in at a time; the rest is told of again. One kill makes some seventy, and 3 us each are time that
/// the cgroup of the next may not have.
constexpr std::size_t kMaxRecords = 16;

}  // namespace

OomFinder::Look OomFinder::look(CgroupTree& tree, FileReader& reader, Node& node) {
  Sample sample;
  const FileReader::One read = reader.read_one(tree, node, kMemoryEventsFile, sample);
  if (read == FileReader::One::kRead && sample.has(Field::kMemoryEventOomKill))
    return {.read = true,
            .grew = note(tree, reader, node, sample.get(Field::kMemoryEventOomKill)),
            .group_kills = sample.has(Field::kMemoryEventOomGroupKill) ? sample.get(Field::kMemoryEventOomGroupKill) : 0};
  // Without memory controller: with it, should it be switched on, comes a counter that begins at 0. One that could not be read
  // (EMFILE) may hold the kills of years.
  if (read == FileReader::One::kMissing && !node.oom_kills) node.oom_kills = 0;
  return {};
}

bool OomFinder::note(CgroupTree& tree, FileReader& reader, Node& node, std::uint64_t oom_kills) {
  // The counter of a cgroup that was made before our eyes began at 0.
  const std::uint64_t before = node.oom_kills.value_or(node.made_ns != 0 ? 0 : oom_kills);
  node.oom_kills = oom_kills;
  if (oom_kills < before) shrunk_.push_back(node.key);
  if (oom_kills <= before) return false;
  if (is_slice(node.path)) grown_.push_back(node.key);
  OomKill kill{.path = node.path, .id = node.id, .invocation = tree.invocation_at(node), .before = before, .after = oom_kills};
  Sample memory;
  std::vector<IoDevice> none;
  if (!node.ignored && reader.read(tree, node, mask_of(Group::kMemory), false, memory, none)) {
    if (memory.has(Field::kMemoryPeak)) kill.peak = memory.get(Field::kMemoryPeak);
    if (memory.has(Field::kMemoryMax)) kill.limit = memory.get(Field::kMemoryMax);
  }
  tell(std::move(kill));
  return true;
}

bool OomFinder::read_log(const CgroupTree& tree, const std::atomic<bool>& stop) {
  std::string_view record;
  for (std::size_t i = 0; i < kMaxRecords; i++) {
    if (stop.load(std::memory_order_relaxed) || !log_.next(record)) return false;
    auto line = parse_oom_line(record);
    if (!line) continue;
    OomKill kill{.path = line->cgroup.substr(1), .pid = line->pid};
    kill.command = std::move(line->command);
    kill.limited_by = std::move(line->limited_by);
    tree.identify(kill.path, kill.id, kill.invocation);
    tell(std::move(kill));
  }
  return true;
}

void OomFinder::tell(OomKill kill) {
  if (kills_.size() >= kMaxKills) {
    dropped_++;
    return;
  }
  kill.monotonic_ns = monotonic_ns();
  kills_.push_back(std::move(kill));
}

}  // namespace unitscope::cgroup
