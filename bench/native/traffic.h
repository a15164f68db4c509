#pragma once

#include <cstdint>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

using Octets = std::vector<std::uint8_t>;

/// One recorded PropertiesChanged of a service: its body, and what it says, for whoever asks.
struct Step {
  bool unit = false;  // of the Unit interface; else of the Service interface
  Octets body;
  // Unit
  std::string active, sub;
  std::uint32_t job = 0;
  bool changed = false;      // another state than the step before
  std::size_t stamp_at = 0;  // of the value of StateChangeTimestamp in the body
  Octets invocation;
  std::uint64_t inactive_exit = 0, active_enter = 0, active_exit = 0, inactive_enter = 0, condition = 0;
  // Service
  std::string result;
  std::uint32_t main_pid = 0, restarts = 0, exec_pid = 0;
  std::int32_t exec_code = 0, exec_status = 0;
  std::uint64_t exec_start = 0, exec_exit = 0;
};

/// What one service of the recording said, in order. Ends as it began, so it can go on in a circle.
using Story = std::vector<Step>;

inline Octets from_hex(const std::string& text) {
  Octets out(text.size() / 2);
  for (std::size_t i = 0; i < out.size(); i++) out[i] = static_cast<std::uint8_t>(std::stoi(text.substr(2 * i, 2), nullptr, 16));
  return out;
}

/// Reads what bench/lib/traffic.mjs wrote: a line for each signal, fields separated by spaces, the body in hexadecimal last:
///
///     T                                                       a service begins
///     S result mainPid restarts execPid code status start exit body
///     U active sub job changed stampAt invocation inactiveExit activeEnter activeExit inactiveEnter condition body
inline std::vector<Story> read_traffic(const char* path) {
  std::ifstream file(path);
  std::vector<Story> stories;
  for (std::string line; std::getline(file, line);) {
    std::istringstream in(line);
    std::string kind, body, invocation;
    in >> kind;
    if (kind == "T") {
      stories.emplace_back();
      continue;
    }
    if (stories.empty()) throw std::runtime_error("no service begins in the traffic file");
    Step s;
    s.unit = kind == "U";
    if (s.unit) {
      in >> s.active >> s.sub >> s.job >> s.changed >> s.stamp_at >> invocation >> s.inactive_exit >> s.active_enter >>
          s.active_exit >> s.inactive_enter >> s.condition >> body;
      if (invocation != "-") s.invocation = from_hex(invocation);
    } else {
      in >> s.result >> s.main_pid >> s.restarts >> s.exec_pid >> s.exec_code >> s.exec_status >> s.exec_start >>
          s.exec_exit >> body;
    }
    if (!in) throw std::runtime_error("a line of the traffic file is not whole: " + line.substr(0, 80));
    s.body = from_hex(body);
    stories.back().push_back(std::move(s));
  }
  if (stories.empty()) throw std::runtime_error(std::string("no traffic in ") + path);
  return stories;
}

}  // namespace bench
