#include <string>

#include "os/cgroup_tree.h"

namespace unitscope::cgroup {

void CgroupTree::depart(Node& node) {
  const std::string_view above = parent_of(node.path);
  const auto parent = is_slice(above) ? nodes_.find(above) : nodes_.end();
  if (parent == nodes_.end() || departed_.size() > kMaxDeparted) return;
  Departed& gone = departed_.emplace_back();
  gone = {.slice = parent->second->key, .path = node.path, .id = node.id, .invocation = node.invocation};
  gone.oom_kills = node.oom_kills;
  gone.oom_final = node.oom_final;
  gone.unknown = !node.oom_kills && node.made_ns == 0;
  if (node.memory_watch >= 0) gone.stirred_ns = node.stirred_ns;
  if (!node.oom_final) gone.watch = watch_->keep_memory(node);
}

void CgroupTree::depart(const Node& slice, std::string_view name) {
  if (is_slice(slice.path) && departed_.size() <= kMaxDeparted)
    departed_.push_back({.slice = slice.key, .path = slice.path + '/' + std::string(name)});
}

}  // namespace unitscope::cgroup
