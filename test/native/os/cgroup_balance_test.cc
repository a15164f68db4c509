#include "os/cgroup_balance.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "harness.h"
#include "os/cgroup_monitor.h"
#include "support/temp_tree.h"

namespace unitscope::cgroup {
namespace {

using test::check;
using test::TempTree;

const std::atomic<bool> kGo{false};

std::string events(std::uint64_t kills, int groups = 0) {
  return "low 0\nhigh 0\nmax 9\noom 1\noom_kill " + std::to_string(kills) + "\noom_group_kill " + std::to_string(groups) + "\n";
}

/// A slice of services, as far as kills are concerned, and whoever watches it.
struct Machine {
  explicit Machine(std::size_t max_watches = 1000, const std::function<void(Machine&)>& before = [](Machine&) {}) {
    before(*this);
    make("a.slice");
    temp.file("a.slice/cgroup.subtree_control", "memory pids\n");
    for (const char* const name : {"b.service", "c.service", "d.service"}) make("a.slice/" + std::string(name));
    TreeOptions tree = temp.options();
    // Of a plain file that is removed an open one still tells; of a cgroup's it does not.
    tree.max_open_files = 0;
    tree.max_watches = max_watches;
    monitor.emplace(CgroupMonitor::open({.tree = tree, .groups = mask_of(Group::kCpu), .walk_interval_ns = UINT64_MAX}).value());
    pass();
  }

  void make(const std::string& path, std::uint64_t kills = 0) const {
    temp.file(path + "/cgroup.events", "populated 1\nfrozen 0\n");
    temp.file(path + "/memory.events", events(kills));
  }
  void count(const std::string& path, std::uint64_t kills, int groups = 0) const { temp.file(path + "/memory.events", events(kills, groups)); }
  void remove(const std::string& path) const { temp.remove(path); }
  /// As a restart does it.
  void replace(const std::string& path) const {
    temp.recreate(path);
    make(path);
  }
  void look() { monitor->handle_states(kGo); }
  void look_at_all() { monitor->handle_changes(kGo); }
  void pass() {
    Pass out;
    monitor->pass(out, kGo);
  }
  /// Time passes until all are balanced that wait.
  void settle() {
    look_at_all();
    for (int i = 0; i < 100 && monitor->balance_ns() != UINT64_MAX; i++) monitor->balance(monitor->balance_ns(), kGo);
  }
  /// `SLICE KILLS [grouped] [incomplete]:` and each suspect, with ! where its memory was short, ? where nobody knew the cgroup.
  std::string told() {
    std::string out;
    for (const OomLoss& loss : monitor->take_losses()) {
      out += (out.empty() ? "" : "; ") + loss.slice + " " + std::to_string(loss.kills) + (loss.grouped ? " grouped" : "") +
             (loss.complete ? "" : " incomplete") + ":";
      std::set<std::string> names;
      for (const auto& one : loss.suspects)
        names.insert(std::filesystem::path(one.path).filename().string() + (one.stirred ? "!" : "") + (one.id == 0 ? "?" : ""));
      for (const std::string& name : names) out += " " + name;
    }
    return out;
  }

  TempTree temp;
  std::optional<CgroupMonitor> monitor;
};

struct Case {
  const char* name;
  std::function<void(Machine&)> story;
  const char* told;
};

void run(const Case& one) {
  Machine machine;
  one.story(machine);
  machine.settle();
  test::equal(machine.told(), one.told, one.name);
}

const test::Test kWho{"cgroup losses: a kill that only the slice has counted is of one that ended with its counter unread", [] {
  const Case cases[] = {
      {"read in time", [](Machine& it) {
         it.count("a.slice/b.service", 1);
         it.count("a.slice", 1);
         it.look();
         it.remove("a.slice/b.service");
       }, ""},
      {"read when all was over", [](Machine& it) {
         it.count("a.slice", 1);
         it.temp.file("a.slice/b.service/cgroup.events", "populated 0\n");
         it.temp.file("a.slice/b.service/memory.events", events(1));
         it.look();
         it.remove("a.slice/b.service");
       }, ""},
      {"gone before it was read", [](Machine& it) {
         it.count("a.slice/b.service", 1);
         it.count("a.slice", 1);
         it.remove("a.slice/b.service");
       }, "a.slice 1: b.service!"},
      {"one that ends beside it was calm", [](Machine& it) {
         it.count("a.slice/b.service", 1);
         it.count("a.slice", 1);
         it.remove("a.slice/c.service");
         it.remove("a.slice/b.service");
       }, "a.slice 1: b.service!"},
      {"two that were at their limits", [](Machine& it) {
         it.count("a.slice/b.service", 1);
         it.count("a.slice/c.service", 0);
         it.count("a.slice", 1);
         it.remove("a.slice/b.service");
         it.remove("a.slice/c.service");
       }, "a.slice 1: b.service! c.service!"},
      {"two were killed, and one was read", [](Machine& it) {
         it.count("a.slice/b.service", 1);
         it.count("a.slice", 1);
         it.look();
         it.count("a.slice/c.service", 1);
         it.count("a.slice", 2);
         it.remove("a.slice/c.service");
       }, "a.slice 1: c.service!"},
      {"the other is there still, and its counter is read now", [](Machine& it) {
         it.count("a.slice/b.service", 0);
         it.count("a.slice", 1);
         it.remove("a.slice/b.service");
         it.look_at_all();
         it.count("a.slice/c.service", 1);
       }, ""},
      {"more in one than were read", [](Machine& it) {
         it.count("a.slice/b.service", 1);
         it.count("a.slice", 1);
         it.look();
         it.count("a.slice/b.service", 3, 1);
         it.count("a.slice", 3, 1);
         it.remove("a.slice/b.service");
       }, "a.slice 2 grouped: b.service!"},
      {"it came and went unseen", [](Machine& it) {
         it.make("a.slice/new.service", 1);
         it.count("a.slice", 1);
         it.remove("a.slice/new.service");
       }, "a.slice 1: new.service?"},
      {"it was taken in, and it had no counter yet", [](Machine& it) {
         it.temp.file("a.slice/new.service/cgroup.events", "populated 0\nfrozen 0\n");
         it.look_at_all();
         it.count("a.slice", 1);
         it.remove("a.slice/new.service");
       }, "a.slice 1: new.service"},
      {"nothing runs in it any more, and it is there still", [](Machine& it) {
         it.temp.file("a.slice/new.service/cgroup.events", "populated 0\nfrozen 0\n");
         it.look_at_all();
         it.temp.file("a.slice/new.service/memory.events", events(1));
         it.count("a.slice", 1);
       }, ""},
      {"a notice that comes when it is gone", [](Machine& it) {
         it.count("a.slice", 1);
         const auto aside = it.temp.root() + "/../aside-" + std::filesystem::path(it.temp.root()).filename().string();
         std::filesystem::rename(it.temp.root() + "/a.slice/b.service", aside);
         it.look_at_all();
         std::ofstream(aside + "/memory.events") << events(1);
         it.look();
         std::filesystem::remove_all(aside);
       }, "a.slice 1: b.service!"},
      {"nobody was killed", [](Machine& it) {
         for (const char* const path : {"a.slice/b.service", "a.slice/c.service"}) {
           it.count(path, 0);
           it.remove(path);
         }
       }, ""},
      {"those that ended before are none of it", [](Machine& it) {
         it.count("a.slice/b.service", 0);
         it.remove("a.slice/b.service");
         it.settle();
         it.count("a.slice/c.service", 1);
         it.count("a.slice", 1);
         it.remove("a.slice/c.service");
       }, "a.slice 1: c.service!"},
      {"nor is one whose memory was short long before", [](Machine& it) {
         it.count("a.slice/b.service", 0);
         it.look();
         // Longer than the kernel holds a notice back.
         std::this_thread::sleep_for(std::chrono::milliseconds(60));
         it.count("a.slice/d.service", 1);
         it.count("a.slice", 1);
         it.settle();
         it.count("a.slice/c.service", 1);
         it.count("a.slice", 2);
         it.remove("a.slice/c.service");
         it.remove("a.slice/b.service");
       }, "a.slice 1: c.service!"},
      {"each time anew", [](Machine& it) {
         for (std::uint64_t kills = 1; kills <= 2; kills++) {
           it.make("a.slice/new.service");
           it.look_at_all();
           it.count("a.slice/new.service", 1);
           it.count("a.slice", kills);
           it.remove("a.slice/new.service");
           it.settle();
         }
       }, "a.slice 1: new.service!; a.slice 1: new.service!"},
      {"it was empty before its process came, and that was read", [](Machine& it) {
         it.temp.file("a.slice/b.service/cgroup.events", "populated 0\n");
         it.look();
         it.temp.file("a.slice/b.service/cgroup.events", "populated 1\n");
         it.count("a.slice/b.service", 1);
         it.count("a.slice/c.service", 0);
         it.count("a.slice", 1);
         it.remove("a.slice/b.service");
         it.remove("a.slice/c.service");
       }, "a.slice 1: b.service! c.service!"},
      {"it was empty, and only its counter was told of since", [](Machine& it) {
         it.temp.file("a.slice/b.service/cgroup.events", "populated 0\n");
         it.look();
         it.count("a.slice/b.service", 1);
         it.count("a.slice/c.service", 0);
         it.count("a.slice", 1);
         it.remove("a.slice/b.service");
         it.remove("a.slice/c.service");
       }, "a.slice 1: b.service! c.service!"},
      {"it was empty when its numbers were no longer wanted, so nobody hears that it no longer is", [](Machine& it) {
         it.temp.file("a.slice/b.service/cgroup.events", "populated 0\n");
         it.look();
         for (const std::uint64_t key : {3, 4, 5}) it.monitor->ignore(key);
         it.temp.file("a.slice/b.service/cgroup.events", "populated 1\n");
         it.look();
         it.count("a.slice/c.service", 0);
         it.look();
         it.count("a.slice", 1);
         it.count("a.slice/b.service", 1);
         it.remove("a.slice/b.service");
         it.remove("a.slice/c.service");
       }, "a.slice 1: b.service! c.service!"},
      {"one of the same name is there again", [](Machine& it) {
         it.count("a.slice/b.service", 1);
         it.count("a.slice", 1);
         it.replace("a.slice/b.service");
       }, "a.slice 1: b.service!"},
  };
  for (const Case& one : cases) run(one);
}};

const test::Test kSlices{"cgroup losses: of slices in slices the lowest tells; what it cannot know it does not", [] {
  const Case cases[] = {
      {"the lowest", [](Machine& it) {
         it.make("a.slice/a-x.slice/e.service");
         it.make("a.slice/a-x.slice");
         it.look_at_all();
         it.count("a.slice/a-x.slice/e.service", 1);
         it.count("a.slice/a-x.slice", 1);
         it.count("a.slice", 1);
         it.remove("a.slice/a-x.slice/e.service");
       }, "a.slice/a-x.slice 1: e.service!"},
      {"each its own", [](Machine& it) {
         it.make("a.slice/a-x.slice/e.service");
         it.make("a.slice/a-x.slice");
         it.look_at_all();
         for (const char* const path : {"a.slice/a-x.slice/e.service", "a.slice/b.service", "a.slice/a-x.slice"}) it.count(path, 1);
         it.count("a.slice", 2);
         it.remove("a.slice/a-x.slice/e.service");
         it.remove("a.slice/b.service");
         it.settle();
         check(it.told().find("a.slice 1: b.service!") != std::string::npos);
       }, ""},
      {"a slice that is gone with all that was in it", [](Machine& it) {
         it.make("a.slice/a-x.slice/e.service");
         it.make("a.slice/a-x.slice");
         it.look_at_all();
         it.count("a.slice/a-x.slice", 1);
         it.count("a.slice", 1);
         it.remove("a.slice/a-x.slice");
       }, ""},
      {"and it goes on with the next pass", [](Machine& it) {
         it.make("a.slice/a-x.slice");
         it.look_at_all();
         it.count("a.slice", 1);
         it.remove("a.slice/a-x.slice");
         it.settle();
         it.pass();
         it.count("a.slice/b.service", 1);
         it.count("a.slice", 2);
         it.remove("a.slice/b.service");
       }, "a.slice 1: b.service!"},
      {"one without a counter may be it", [](Machine& it) {
         it.temp.file("a.slice/bare.service/cgroup.events", "populated 1\n");
         it.look_at_all();
         it.count("a.slice/b.service", 1);
         it.count("a.slice", 1);
         it.remove("a.slice/b.service");
       }, "a.slice 1 incomplete: b.service!"},
      {"another controller is none of it", [](Machine& it) {
         it.count("a.slice/b.service", 1);
         it.count("a.slice", 1);
         it.temp.file("a.slice/cgroup.subtree_control", "cpu io memory pids\n");
         it.remove("a.slice/b.service");
       }, "a.slice 1: b.service!"},
      {"without its controller nothing is known", [](Machine& it) {
         it.count("a.slice/b.service", 1);
         it.count("a.slice", 1);
         it.temp.file("a.slice/cgroup.subtree_control", "pids\n");
         it.remove("a.slice/b.service");
       }, ""},
      {"until it is begun anew, a moment later", [](Machine& it) {
         it.temp.file("a.slice/cgroup.subtree_control", "pids\n");
         it.look_at_all();
         it.temp.file("a.slice/cgroup.subtree_control", "memory pids\n");
         it.settle();
         it.count("a.slice/b.service", 1);
         it.count("a.slice", 1);
         it.remove("a.slice/b.service");
       }, "a.slice 1: b.service!"},
      {"a counter in it that begins anew", [](Machine& it) {
         it.count("a.slice/c.service", 3);
         it.count("a.slice", 3);
         it.settle();
         it.count("a.slice/c.service", 0);
         it.count("a.slice", 4);
         it.remove("a.slice/b.service");
       }, ""},
      {"a counter that begins anew", [](Machine& it) {
         it.count("a.slice/c.service", 3);
         it.count("a.slice", 3);
         it.settle();
         it.count("a.slice", 1);
         it.remove("a.slice/b.service");
       }, ""},
  };
  for (const Case& one : cases) run(one);
}};

const test::Test kBefore{"cgroup losses: what slices and others had counted before is nobody's", [] {
  Machine machine(1000, [](Machine& it) {
    it.make("b.slice/e.service", 5);
    it.make("b.slice", 7);
  });
  machine.settle();
  test::equal(machine.told(), "");
  machine.count("b.slice/e.service", 6);
  machine.count("b.slice", 8);
  machine.remove("b.slice/e.service");
  machine.settle();
  test::equal(machine.told(), "b.slice 1: e.service!");
}};

const test::Test kUnwatched{"cgroup losses: where nothing is watched all that ended is suspect, and may not be all", [] {
  Machine machine(0);
  machine.count("a.slice/d.service", 1);
  machine.count("a.slice", 2);
  machine.remove("a.slice/b.service");
  machine.remove("a.slice/c.service");
  machine.pass();
  machine.settle();
  test::equal(machine.told(), "a.slice 1 incomplete: b.service c.service");
}};

const test::Test kBounded{"cgroup losses: of a crowd of suspects not all are kept, and that is said", [] {
  Machine machine;
  machine.count("a.slice", 1);
  machine.look();
  for (std::size_t i = 0; i < OomBalance::kMaxSuspects + 10; i++) {
    const std::string path = "a.slice/u" + std::to_string(i) + ".service";
    machine.temp.directory(path);
    machine.remove(path);
    if (i % 100 == 99) machine.look_at_all();
  }
  machine.settle();
  const auto losses = machine.monitor->take_losses();
  test::equal(losses.size(), 1u);
  check(!losses[0].complete && losses[0].suspects.size() <= OomBalance::kMaxSuspects);
  test::equal(machine.monitor->stats().watches <= 3u * 4u + 2u, true, "no watch is left of them");
}};

/// What happens at random to a few services, and who was killed unread.
const test::Test kRandom{"cgroup losses: never more are told than were lost, and each that was is among the suspects", [] {
  for (unsigned seed = 1; seed <= 60; seed++) {
    std::mt19937 random(seed);
    const auto up_to = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    Machine machine;
    std::map<std::string, std::uint64_t> counters = {{"b.service", 0}, {"c.service", 0}, {"d.service", 0}};
    std::uint64_t slice = 0, lost = 0, told = 0;
    std::set<std::string> victims;
    for (int step = 0; step < 40; step++) {
      const std::string name = std::next(counters.begin(), up_to(3))->first;
      const std::string path = "a.slice/" + name;
      switch (up_to(5)) {
        case 0:
          machine.count(path, ++counters[name]);
          machine.count("a.slice", ++slice);
          if (up_to(2) == 0) machine.look();
          break;
        case 1:
          machine.replace(path);
          counters[name] = 0;
          break;
        case 2:
          // Killed and gone at once.
          machine.count(path, counters[name] + 1);
          machine.count("a.slice", ++slice);
          machine.replace(path);
          lost++;
          victims.insert(name);
          counters[name] = 0;
          if (up_to(2) == 0) machine.look_at_all();
          break;
        case 3:
          machine.look_at_all();
          break;
        default:
          machine.count(path, counters[name]);
          break;
      }
      if (up_to(6) == 0) machine.settle();
    }
    machine.settle();
    for (const OomLoss& loss : machine.monitor->take_losses()) {
      told += loss.kills;
      check(loss.complete && !loss.suspects.empty(), "seed " + std::to_string(seed));
      for (const auto& one : loss.suspects) victims.erase(std::filesystem::path(one.path).filename().string());
    }
    check(told >= lost && told <= slice, "seed " + std::to_string(seed) + ": " + std::to_string(told) + " of " + std::to_string(lost));
    check(victims.empty(), "seed " + std::to_string(seed));
  }
}};

}  // namespace
}  // namespace unitscope::cgroup
