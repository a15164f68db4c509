#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "os/cgroup_node.h"

namespace unitscope::cgroup {

/// A cgroup that was told of and is not taken in yet.
struct Newcomer {
  std::uint64_t parent = 0;  ///< its key
  std::string name;
  std::uint64_t made_ns = 0;
  UniqueFd events = {};  ///< cgroup.events
  bool gone = false;
};

/// New cgroups in which nothing runs: before its first process comes, which is a millisecond later, and when all is over, as of
/// a service that fails at once. Taking one in costs some forty system calls until it is gone; these cost three
/// (docs/decisions/0125). One thread at a time.
class Newcomers {
 public:
  /// Of those that are empty for this long most stay: services of which nothing runs after their start, slices.
  static constexpr std::uint64_t kEmptyNs = 100'000'000;
  /// Others are taken in at once. A machine that makes 2500 a second would need more.
  static constexpr std::size_t kMaxWaiting = 256;

  /// Has one wait, if nothing runs in it.
  ///
  /// \param dir  of its parent
  /// \return     false when it is to be taken in now: something runs there, nobody can tell, or there is no room
  [[nodiscard]] bool wait(int dir, std::uint64_t parent, const char* name, std::uint64_t made_ns, FdBudget& budget);
  /// It is gone, or another one has its name; false when it did not wait.
  bool forget(std::uint64_t parent, std::string_view name, FdBudget& budget) noexcept;
  /// Those to be taken in now: in which something runs, or which have been empty for kEmptyNs; all of them when `now_ns` is
  /// UINT64_MAX. And those that are gone.
  [[nodiscard]] std::vector<Newcomer> take(std::uint64_t now_ns, FdBudget& budget);
  [[nodiscard]] bool any() const noexcept { return !waiting_.empty(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return waiting_.capacity() * sizeof(Newcomer); }

 private:
  std::vector<Newcomer> waiting_;
};

}  // namespace unitscope::cgroup
