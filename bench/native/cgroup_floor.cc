// cgroup_floor ROOT COUNT FILE...: reads ROOT/unit<i>.service/FILE for each i below COUNT, and understands nothing. A line of
// input is a way: `pread` of descriptors that stay open, which is the least a reader can do, or `open` (open, read, close). It
// answers with the CPU time of it.
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace {

[[noreturn]] void die(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

double cpu_us() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) / 1e3;
}

char buffer[65536];

std::size_t take(ssize_t size, const std::string& path) {
  if (size < 0) die(path);
  return static_cast<std::size_t>(size);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> paths;
  for (int i = 0; i < std::atoi(argv[2]); i++) {
    for (int file = 3; file < argc; file++) {
      paths.push_back(std::string(argv[1]) + "/unit" + std::to_string(i) + ".service/" + argv[file]);
    }
  }
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);

  std::vector<int> open_files;
  for (std::string way; std::getline(std::cin, way);) {
    if (way == "pread" && open_files.empty()) {
      for (const std::string& path : paths) {
        open_files.push_back(open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (open_files.back() < 0) die(path);
      }
    }
    std::size_t bytes = 0;
    const double before = cpu_us();
    for (std::size_t i = 0; i < paths.size(); i++) {
      if (way == "pread") {
        bytes += take(pread(open_files[i], buffer, sizeof buffer, 0), paths[i]);
        continue;
      }
      const int fd = open(paths[i].c_str(), O_RDONLY | O_CLOEXEC);
      bytes += take(read(fd, buffer, sizeof buffer), paths[i]);
      close(fd);
    }
    std::printf("{\"us\":%.1f,\"files\":%zu,\"bytes\":%zu}\n", cpu_us() - before, paths.size(), bytes);
    std::fflush(stdout);
  }
}
