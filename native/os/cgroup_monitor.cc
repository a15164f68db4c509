#include "os/cgroup_monitor.h"

#include <sys/stat.h>

#include "os/clock.h"

namespace unitscope::cgroup {
namespace {

/// Files that were not there are looked for when the parent's controllers change, and at every eighth pass in case nobody told:
/// on a hybrid machine twelve of seventeen are missing in each cgroup, and each look costs a microsecond.
constexpr std::uint64_t kPassesBetweenLooks = 8;

/// The root of all cgroups has the first number that kernfs gives; one of a namespace has not.
bool is_first(int root) noexcept {
  struct stat found {};
  return fstat(root, &found) == 0 && found.st_ino == 1;
}

/// Past so many the rest is read without a look in between: else whoever makes cgroups change could keep us there for ever.
constexpr std::size_t kLooksBetweenReadings = 256;

/// Of sixteen records: as much as fifteen kills write.
constexpr std::size_t kCatchUps = 64;

double ms(std::uint64_t ns) noexcept { return static_cast<double>(ns) / 1e6; }

}  // namespace

Result<CgroupMonitor, OpenError> CgroupMonitor::open(MonitorOptions options, KernelLog log) {
  auto tree = CgroupTree::open(options.tree);
  if (!tree) return fail(tree.error());
  const bool fits = options.tree.any_filesystem || is_first(tree.value().root());
  return CgroupMonitor(options, std::move(tree).value(), fits ? std::move(log) : KernelLog());
}

void CgroupMonitor::handle_states(const std::atomic<bool>& stop) {
  // A last reading takes as long as a killed cgroup may have left: before each one the counters are looked at that tell of kills.
  std::vector<Node*> changed;
  std::size_t at = 0;
  do {
    if (at < kLooksBetweenReadings) listen_for_kills(changed);
    if (at < changed.size()) changed_state(*changed[at++]);
  } while (at < changed.size() && !stop.load(std::memory_order_relaxed));
  balance_.expect(eyes(), oom_.take_grown(), monotonic_ns());
}

void CgroupMonitor::listen_for_kills(std::vector<Node*>& changed) {
  CgroupWatch& watch = tree_.watch();
  watch.begin_states();
  for (CgroupWatch::State state; watch.next_state(state);) {
    if (state.node == nullptr) overflowed();
    else if (!state.memory) changed.push_back(state.node);
    else {
      const OomFinder::Look look = oom_.look(tree_, reader_, *state.node);
      if (look.grew) hurries_ = true;
      if (!look.read) state.node->oom_final = false;  // as in changed_state()
      state.node->stirred_ns = monotonic_ns();
    }
  }
}

std::vector<OomKill> CgroupMonitor::take_kills(const std::atomic<bool>& stop) {
  // The kernel writes its line before it counts (oom_kill_process, mm/oom_kill.c). A hundred others stand before it, of all the processes
  // there are: read at leisure it was there when the run had ended and was told of. In between, whoever else is dying.
  for (std::size_t i = 0; i < kCatchUps && oom_.any() && oom_.read_log(tree_, stop); i++) handle_states(stop);
  return oom_.take();
}

void CgroupMonitor::handle_changes(const std::atomic<bool>& stop) {
  // First, for what is read of a cgroup that is gone since is lost.
  handle_states(stop);
  const std::uint64_t now = monotonic_ns();
  const std::uint64_t made_ns = told_ns_ == 0 ? now : told_ns_;
  told_ns_ = 0;
  CgroupWatch& watch = tree_.watch();
  watch.begin();
  for (CgroupWatch::Change change; watch.next(change);) {
    if (stop.load(std::memory_order_relaxed)) return;
    if (change.what == CgroupWatch::What::kOverflow) overflowed();
    else tree_.apply(change, made_ns);
    if (change.what == CgroupWatch::What::kControllers) balance_.check_controllers(tree_, *change.node);
  }
  if (!walk_due_) tree_.settle(now);
  tree_.admit(hurries_ ? UINT64_MAX : now);
  hurries_ = false;
  get_ready();
  enter();
}

void CgroupMonitor::enter() {
  const std::uint64_t now = monotonic_ns();
  balance_.forget(tree_, oom_.take_shrunk());
  balance_.take_departed(eyes(), now);
  balance_.expect(eyes(), oom_.take_grown(), now);
}

void CgroupMonitor::balance(std::uint64_t now_ns, const std::atomic<bool>& stop) {
  // Those in which nothing runs, too: somebody may have been killed in them.
  hurries_ = true;
  handle_changes(stop);
  if (stop.load(std::memory_order_relaxed)) return;
  balance_.balance(eyes(), now_ns);
  enter();
}

void CgroupMonitor::get_ready() {
  // First of all of them, for it is what nobody else tells; the rest takes ten times as long.
  for (const std::uint64_t key : tree_.taken_in())
    if (Node* const node = tree_.find(key); node != nullptr) oom_.look(tree_, reader_, *node);
  for (const std::uint64_t key : tree_.taken_in()) {
    Node* const node = tree_.find(key);
    if (node == nullptr) continue;
    reader_.prepare(tree_, *node, groups_ | mask_of(Group::kState));
    changed_state(*node);
  }
  tree_.taken_in().clear();
}

void CgroupMonitor::overflowed() {
  tree_.counters().overflows++;
  balance_.forget_all(tree_);
  walk_due_ = true;
}

void CgroupMonitor::changed_state(Node& node) {
  // Even where it cannot be read any more: what was read of it is no longer all.
  node.oom_final = false;
  Sample state;
  devices_.clear();
  if (node.ignored || !reader_.read(tree_, node, mask_of(Group::kState), false, state, devices_)) return;
  node.final.reset();
  node.final_told = false;
  if (!state.has(Field::kPopulated) || state.get(Field::kPopulated) != 0) return;
  // First, for it is what nobody else tells; a kill just before its end is not told in time by a watch.
  node.oom_final = oom_.look(tree_, reader_, node).read;
  auto last = std::make_unique<Reading>();
  if (!read(node, false, last->sample, last->devices)) return;
  last->monotonic_ns = monotonic_ns();
  node.final = std::move(last);
}

bool CgroupMonitor::read(Node& node, bool look_again, Sample& sample, std::vector<IoDevice>& devices) {
  const std::uint32_t absent = node.absent;
  if (!reader_.read(tree_, node, groups_, look_again, sample, devices)) return false;
  // While a cgroup is being removed its files seem never to have been there: one that still answers was not.
  const bool sure = node.read_ns != 0 && node.absent == absent && sample.present != 0;
  if (look_again) node.learned = false;
  else if (sure && !node.learned) tree_.learn_absent(node);
  return true;
}

void CgroupMonitor::pass(Pass& out, const std::atomic<bool>& stop) {
  out.clear();
  tree_.keep_within_budget();
  handle_changes(stop);
  tree_.admit(UINT64_MAX);
  get_ready();
  if (!tree_.root_is_there()) {
    out.root_gone = true;
    balance_.forget_all(tree_);
    return;
  }
  const std::uint64_t now = monotonic_ns();
  if (walk_due_ || !tree_.whole() || now - walked_ns_ >= walk_interval_ns_) {
    tree_.walk(now);
    walk_due_ = false;
    walked_ns_ = now;
    tree_.taken_in().clear();  // all are read now
  }
  tell_ends(out);
  passes_++;
  for (const auto& [path, owned] : tree_.nodes()) {
    if (stop.load(std::memory_order_relaxed)) return;
    Node& node = *owned;
    if (!node.told) tell(out, node);
    if (!node.oom_kills) oom_.look(tree_, reader_, node);
    if (node.ignored) continue;
    Sample sample;
    devices_.clear();
    const bool look_again = (passes_ + node.key) % kPassesBetweenLooks == 0;
    if (!read(node, look_again, sample, devices_)) continue;
    node.read_ns = monotonic_ns();
    if (sample.has(Field::kMemoryEventOomKill)) oom_.note(tree_, reader_, node, sample.get(Field::kMemoryEventOomKill));
    // Nothing is read where no descriptor is left; that is no newer than what is kept.
    if (node.final != nullptr && sample.present != 0) {
      node.final.reset();
      node.final_told = true;
    }
    out.add_row(node.key, RowState::kAlive, ms(node.read_ns), sample, devices_);
  }
  enter();
  balance_.begin(eyes(), monotonic_ns());
  enter();
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
          .open_fds = tree_.budget().used() + (changes_fd() >= 0 ? 3u : 1u),
          .watches = tree_.watch().watches(),
          .unwatched = tree_.watch().unwatched(),
          .native_bytes = tree_.bytes() + FileReader::bytes() + devices_.capacity() * sizeof(IoDevice),
          .log_error = oom_.log_error(),
          .log_overruns = oom_.log_overruns(),
          .kills_dropped = oom_.dropped() + balance_.dropped()};
}

}  // namespace unitscope::cgroup
