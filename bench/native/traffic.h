#pragma once

#include <cstdint>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

using Octets = std::vector<std::uint8_t>;

/// A time that a signal tells: one of the instants of the story, for which the sender has a time of its own, or none of them.
struct Told {
  std::size_t at = 0;  // in the body
  int instant = -1;
  std::uint64_t recorded = 0;
};

/// One recorded PropertiesChanged of a service: its body, and what it says, for whoever asks.
struct Step {
  bool unit = false;  // of the Unit interface; else of the Service interface
  Octets body;
  // Unit
  std::string active, sub;
  std::uint32_t job = 0;
  int changed = -1;  // the instant, where the state is another than before
  std::size_t invocation_at = 0;  // in the body; 0: there is none
  Octets invocation;
  Told state_change, inactive_exit, active_enter, active_exit, inactive_enter, condition;
  // Service
  std::string result;
  std::uint32_t main_pid = 0, restarts = 0, exec_pid = 0;
  std::int32_t exec_code = 0, exec_status = 0;
  std::uint64_t exec_start = 0, exec_exit = 0;
};

/// What one service of the recording said, in order: pairs of Service and Unit. Ends as it began, so it can go on in a circle.
using Story = std::vector<Step>;

/// More instants than any of the stories has.
inline constexpr std::size_t kMaxInstants = 64;

inline Octets from_hex(const std::string& text) {
  Octets out(text.size() / 2);
  for (std::size_t i = 0; i < out.size(); i++) out[i] = static_cast<std::uint8_t>(std::stoi(text.substr(2 * i, 2), nullptr, 16));
  return out;
}

/// Reads what bench/lib/traffic.mjs wrote: a line for each signal, fields separated by spaces, the body in hexadecimal last:
///
///     T                                                       a service begins
///     S result mainPid restarts execPid code status start exit body
///     U active sub job changed invocationAt invocation TIME*6 body     TIME: at instant recorded
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
      in >> s.active >> s.sub >> s.job >> s.changed >> s.invocation_at >> invocation;
      for (Told* told : {&s.state_change, &s.inactive_exit, &s.active_enter, &s.active_exit, &s.inactive_enter, &s.condition}) {
        in >> told->at >> told->instant >> told->recorded;
      }
      in >> body;
      if (invocation != "-") s.invocation = from_hex(invocation);
    } else {
      in >> s.result >> s.main_pid >> s.restarts >> s.exec_pid >> s.exec_code >> s.exec_status >> s.exec_start >>
          s.exec_exit >> body;
    }
    if (!in) throw std::runtime_error("a line of the traffic file is not whole: " + line.substr(0, 80));
    s.body = from_hex(body);
    if (s.changed >= static_cast<int>(kMaxInstants)) throw std::runtime_error("a story of the traffic file is too long");
    stories.back().push_back(std::move(s));
  }
  for (const Story& story : stories) {
    for (std::size_t i = 0; i < story.size(); i++) {
      if (story[i].unit != (i % 2 == 1) || story.size() % 2 != 0) throw std::runtime_error("a story is not one of pairs");
    }
  }
  if (stories.empty()) throw std::runtime_error(std::string("no traffic in ") + path);
  return stories;
}

}  // namespace bench
