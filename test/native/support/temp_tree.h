#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "os/cgroup_tree.h"

namespace unitscope::test {

namespace fs = std::filesystem;

/// A folder that looks like a cgroup tree; gone at the end of the test.
class TempTree {
 public:
  TempTree() {
    std::string name = fs::temp_directory_path() / "cgroup-tree-XXXXXX";  // mkdtemp(3) replaces the X
    root_ = mkdtemp(name.data());
  }
  ~TempTree() { fs::remove_all(root_); }
  TempTree(const TempTree&) = delete;
  TempTree& operator=(const TempTree&) = delete;

  [[nodiscard]] std::string root() const { return root_; }
  void directory(const std::string& path) const { fs::create_directories(root_ / path); }
  void file(const std::string& path, std::string_view text) const {
    directory(fs::path(path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void remove(const std::string& path) const { fs::remove_all(root_ / path); }
  /// A directory of the same name with another inode, as a restart leaves it.
  void recreate(const std::string& path) const {
    fs::rename(root_ / path, root_ / "old");
    directory(path);
    fs::remove_all(root_ / "old");
  }

  [[nodiscard]] cgroup::TreeOptions options(std::size_t max_cgroups = 1000, std::size_t max_depth = 16) const {
    return {.root = root(), .any_filesystem = true, .max_cgroups = max_cgroups, .max_depth = max_depth, .max_open_files = 1000};
  }

 private:
  fs::path root_;
};

}  // namespace unitscope::test
