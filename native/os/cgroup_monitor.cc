#include "os/cgroup_monitor.h"

#include "os/clock.h"

namespace unitscope::cgroup {
namespace {

/// Files that were not there are looked for when the parent's controllers change, and at every eighth pass in case nobody told:
/// on a hybrid machine twelve of seventeen are missing in each cgroup, and each look costs a microsecond.
constexpr std::uint64_t kPassesBetweenLooks = 8;

double ms(std::uint64_t ns) noexcept { return static_cast<double>(ns) / 1e6; }

}  // namespace

Result<CgroupMonitor, OpenError> CgroupMonitor::open(MonitorOptions options) {
  auto tree = CgroupTree::open(options.tree);
  if (!tree) return fail(tree.error());
  return CgroupMonitor(options, std::move(tree).value());
}

void CgroupMonitor::handle_changes(const std::atomic<bool>& stop) {
  const std::uint64_t now = monotonic_ns();
  bool complete = !walk_due_;
  CgroupWatch::Event event;
  tree_.watch().begin();
  while (tree_.watch().next(event)) {
    if (stop.load(std::memory_order_relaxed)) return;
    if (event.what == CgroupWatch::What::kOverflow) {
      tree_.counters().overflows++;
      walk_due_ = true;
      complete = false;
    } else if (event.what == CgroupWatch::What::kState) {
      changed_state(*event.node);
    } else {
      tree_.apply(event, now);
    }
  }
  if (complete) tree_.settle(now);
}

void CgroupMonitor::changed_state(Node& node) {
  Sample state;
  devices_.clear();
  if (node.ignored || !reader_.read(tree_, node, mask_of(Group::kState), false, state, devices_)) return;
  node.final.reset();
  node.final_told = false;
  if (!state.has(Field::kPopulated) || state.get(Field::kPopulated) != 0) return;
  auto last = std::make_unique<Reading>();
  if (!reader_.read(tree_, node, groups_, false, last->sample, last->devices)) return;
  last->monotonic_ns = monotonic_ns();
  node.final = std::move(last);
}

void CgroupMonitor::pass(Pass& out, const std::atomic<bool>& stop) {
  out.clear();
  tree_.keep_within_budget();
  handle_changes(stop);
  if (!tree_.root_is_there()) {
    out.root_gone = true;
    return;
  }
  const std::uint64_t now = monotonic_ns();
  if (walk_due_ || !tree_.whole() || now - walked_ns_ >= walk_interval_ns_) {
    tree_.walk(now);
    walk_due_ = false;
    walked_ns_ = now;
  }
  tell_ends(out);
  passes_++;
  for (const auto& [path, owned] : tree_.nodes()) {
    if (stop.load(std::memory_order_relaxed)) return;
    Node& node = *owned;
    if (!node.told) tell(out, node);
    if (node.ignored) continue;
    Sample sample;
    devices_.clear();
    const bool look_again = (passes_ + node.key) % kPassesBetweenLooks == 0;
    if (!reader_.read(tree_, node, groups_, look_again, sample, devices_)) continue;
    node.read_ns = monotonic_ns();
    // Nothing is read where no descriptor is left; that is no newer than what is kept.
    if (node.final != nullptr && sample.present != 0) {
      node.final.reset();
      node.final_told = true;
    }
    out.add_row(node.key, RowState::kAlive, ms(node.read_ns), sample, devices_);
  }
}

void CgroupMonitor::tell(Pass& out, Node& node) {
  node.told = node.introduced = true;
  const bool has_run = node.invocation[0] != '\0';
  const std::string_view run(node.invocation.data(), has_run ? node.invocation.size() : 0);
  out.add_entry(node.key, node.id, node.made_ns == 0 ? -1 : ms(node.made_ns), node.path, run);
}

void CgroupMonitor::tell_ends(Pass& out) {
  for (const auto& node : tree_.ended()) {
    if (!node->told) tell(out, *node);
    static const Sample kNothing;
    const Reading* const last = node->final.get();
    out.add_row(node->key, RowState::kEnded, ms(last == nullptr ? node->read_ns : last->monotonic_ns),
                last == nullptr ? kNothing : last->sample, last == nullptr ? std::span<const IoDevice>{} : last->devices);
  }
  tree_.ended().clear();
}

void CgroupMonitor::ignore(std::uint64_t key) {
  if (Node* const node = tree_.find(key); node != nullptr) tree_.ignore(*node);
}

MonitorStats CgroupMonitor::stats() {
  return {.counters = tree_.counters(),
          .cgroups = tree_.nodes().size(),
          .skipped = tree_.skipped(),
          .open_fds = tree_.budget().used() + (changes_fd() >= 0 ? 2u : 1u),
          .watches = tree_.watch().watches(),
          .unwatched = tree_.watch().unwatched(),
          .native_bytes = tree_.bytes() + FileReader::bytes() + devices_.capacity() * sizeof(IoDevice)};
}

}  // namespace unitscope::cgroup
