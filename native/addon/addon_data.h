#pragma once

#include <napi.h>

namespace unitscope {

/// What one environment (the main thread or one worker) owns; made at load, freed at its teardown. Nothing in this
/// folder is static: two workers with the addon know nothing of each other.
struct AddonData {
  /// JavaScript constructors, by class; kept so that native code can make instances.
  Napi::FunctionReference signal_reader;
  Napi::FunctionReference signal_parser;
};

}  // namespace unitscope
