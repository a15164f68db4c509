#include "os/cgroup_file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace unitscope::cgroup {
namespace {

/// Whether the path still leads to this incarnation.
bool still_there(const CgroupTree& tree, const Node& node) noexcept {
  if (node.path.empty()) return tree.root_is_there();
  struct stat found {};
  const bool named = fstatat(tree.root(), node.path.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0;
  return named && found.st_ino == node.id && found.st_nlink > 0;
}

/// Not there, or switched off: PSI disabled at boot answers EOPNOTSUPP.
bool is_missing(int error) noexcept { return is_gone(error) || error == EOPNOTSUPP; }

}  // namespace

bool FileReader::read(CgroupTree& tree, Node& node, GroupMask groups, bool look_again, Sample& sample,
                      std::vector<IoDevice>& devices) {
  sample = {};
  Counters& counters = tree.counters();
  Directory dir = open_directory(tree.root(), node);
  if (dir.fd < 0) {
    if (is_gone(dir.error)) counters.vanished++;
    else counters.io_errors[dir.error]++;
    return false;
  }
  if (dir.temporary && tree.budget().take_directory()) node.dir = std::move(dir.temporary);
  if (look_again) node.absent = 0;

  bool alive = false, missing = false;
  for (std::size_t i = 0; i < kFileCount; i++) {
    if ((groups & mask_of(kFiles[i].group)) == 0) continue;
    if ((node.absent >> i & 1u) != 0) {
      missing = true;
      continue;
    }
    const Text read = read_file(dir.fd, i, node, tree.budget());
    switch (read.kind) {
      case Text::Kind::kText:
        alive = true;
        if (!kFiles[i].scan(read.text, sample, devices)) counters.parse_errors[i]++;
        break;
      case Text::Kind::kTooLong:
        alive = true;
        counters.parse_errors[i]++;
        break;
      case Text::Kind::kMissing:
        missing = true;
        node.absent |= 1u << i;
        break;
      case Text::Kind::kFailed:
        counters.io_errors[read.error]++;
        break;
    }
  }
  // Nothing there at all: either none of these controllers is on (hybrid machines), or the cgroup is gone.
  if (alive || !missing || still_there(tree, node)) return true;
  counters.vanished++;
  return false;
}

FileReader::One FileReader::read_one(CgroupTree& tree, Node& node, std::size_t file, Sample& sample) {
  Counters& counters = tree.counters();
  const Directory dir = open_directory(tree.root(), node);
  if (dir.fd < 0) {
    if (is_gone(dir.error)) return One::kMissing;
    counters.io_errors[dir.error]++;
    return One::kFailed;
  }
  const Text read = read_file(dir.fd, file, node, tree.budget());
  std::vector<IoDevice> none;
  const bool ok = read.kind == Text::Kind::kText && kFiles[file].scan(read.text, sample, none).ok();
  if (node.ignored) tree.budget().close(node.files[file]);
  if (ok) return One::kRead;
  if (read.kind == Text::Kind::kMissing) return One::kMissing;
  if (read.kind == Text::Kind::kFailed) counters.io_errors[read.error]++;
  else counters.parse_errors[file]++;
  return One::kFailed;
}

void FileReader::prepare(CgroupTree& tree, Node& node, GroupMask groups) noexcept {
  if (!node.dir) return;
  for (std::size_t i = 0; i < kFileCount; i++) {
    if ((groups & mask_of(kFiles[i].group)) == 0 || (node.absent >> i & 1u) != 0 || node.files[i]) continue;
    UniqueFd fd(openat(node.dir.get(), kFiles[i].name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) node.absent |= is_missing(errno) ? 1u << i : 0;
    else if (tree.budget().take_file()) node.files[i] = std::move(fd);
    else return;
  }
}

FileReader::Text FileReader::read_file(int dir, std::size_t file, Node& node, FdBudget& budget) noexcept {
  if (node.files[file]) {
    const Text read = read_open(node.files[file].get());
    if (read.kind != Text::Kind::kMissing) return read;
    // ENODEV: the cgroup is gone, or its controller was switched off and perhaps on again. Opening tells.
    budget.close(node.files[file]);
  }
  UniqueFd fd(openat(dir, kFiles[file].name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return {.kind = is_missing(errno) ? Text::Kind::kMissing : Text::Kind::kFailed, .error = errno};
  const Text read = read_open(fd.get());
  if (read.kind == Text::Kind::kText && budget.take_file()) node.files[file] = std::move(fd);
  return read;
}

/// One pread(2) gives all: these files are one seq_file record each, and seq_read(9) grows its buffer until a record fits.
/// A cut could only come from our own buffer, and shows as a full one.
FileReader::Text FileReader::read_open(int fd) noexcept {
  ssize_t size;
  do size = pread(fd, buffer_.get(), kBufferBytes, 0);
  while (size < 0 && errno == EINTR);
  if (size < 0) return {.kind = is_missing(errno) ? Text::Kind::kMissing : Text::Kind::kFailed, .error = errno};
  if (static_cast<std::size_t>(size) == kBufferBytes) return {.kind = Text::Kind::kTooLong};
  return {.kind = Text::Kind::kText, .text = {buffer_.get(), static_cast<std::size_t>(size)}};
}

}  // namespace unitscope::cgroup
