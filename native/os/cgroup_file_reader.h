#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/cgroup/files.h"
#include "core/cgroup/sample.h"
#include "os/cgroup_tree.h"

namespace unitscope::cgroup {

/// Reads the files of cgroups into one buffer, which each file overwrites. One thread at a time.
class FileReader {
 public:
  FileReader() : buffer_(std::make_unique<char[]>(kBufferBytes)) {}

  /// Reads the files of `groups` of one cgroup. A file that is missing, malformed or unreadable leaves its fields absent;
  /// the last two are counted.
  ///
  /// \param look_again  also look for the files that were not there the last time: a controller may have been switched on
  /// \param devices     io.stat's devices are appended; sample.get(kIoDevices) says how many
  /// \return            false when the cgroup is gone: `sample` is empty then, and it is counted as vanished
  [[nodiscard]] bool read(CgroupTree& tree, Node& node, GroupMask groups, bool look_again, Sample& sample,
                          std::vector<IoDevice>& devices);

  /// kMissing: it is not there, or its cgroup is not; kFailed: unreadable or malformed, which is counted.
  enum class One : std::uint8_t { kRead, kMissing, kFailed };
  /// Reads one of kFiles, whatever node.absent says.
  [[nodiscard]] One read_one(CgroupTree& tree, Node& node, std::size_t file, Sample& sample);

  /// Opens the files of `groups` that may be kept open, so that the next reading takes as little time as possible.
  void prepare(CgroupTree& tree, Node& node, GroupMask groups) noexcept;

  [[nodiscard]] static constexpr std::size_t bytes() noexcept { return kBufferBytes; }

 private:
  /// 64 KiB hold an io.stat of 512 devices and twenty memory.stat; a longer file is refused as malformed.
  static constexpr std::size_t kBufferBytes = std::size_t{64} << 10;

  struct Text {
    enum class Kind : std::uint8_t { kText, kMissing, kTooLong, kFailed } kind;
    std::string_view text = {};
    int error = 0;
  };
  [[nodiscard]] Text read_file(int dir, std::size_t file, Node& node, FdBudget& budget) noexcept;
  [[nodiscard]] Text read_open(int fd) noexcept;

  std::unique_ptr<char[]> buffer_;
};

}  // namespace unitscope::cgroup
