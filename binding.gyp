# `core` (bytes in, values out), `host` (sockets, files, threads), the addon, and C++ test programs that link both libraries
# without any N-API symbol: all tests, those that start threads, and the fuzz targets. Sources are listed from the folders, so a new file
# needs no edit here.
{
  "target_defaults": {
    "include_dirs": ["native"],
    "cflags": ["-O2", "-Wall", "-Wextra", "-fvisibility=hidden"],
    "cflags_cc": ["-std=c++20", "-fvisibility-inlines-hidden"],
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"]
  },
  "targets": [
    {
      "target_name": "core",
      "type": "static_library",
      "sources": ["<!@(find native/core -name '*.cc' | LC_ALL=C sort)"]
    },
    {
      "target_name": "host",
      "type": "static_library",
      "dependencies": ["core"],
      "sources": ["<!@(find native/os native/runtime -name '*.cc' | LC_ALL=C sort)"]
    },
    {
      "target_name": "unitscope_native",
      "dependencies": ["host", "core"],
      "sources": ["<!@(find native/addon -name '*.cc' | LC_ALL=C sort)"],
      # As a system's header: its warnings are not ours to mend. Flags count from build/, where make runs.
      "cflags": ["-isystem", "<!(node -p \"'../' + require('node-addon-api').include_dir\")"],
      # A worker may be terminated between any two calls of the addon into the engine; each then fails, and without the last of
      # these the wrapper ends the process over an exception that nobody can be thrown. What a failed call was to give is empty.
      "defines": [
        "NAPI_VERSION=8",
        "NAPI_DISABLE_CPP_EXCEPTIONS",
        "NODE_ADDON_API_DISABLE_DEPRECATED",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ]
    },
    {
      "target_name": "unitscope_native_tests",
      "type": "executable",
      "dependencies": ["host", "core"],
      "include_dirs": ["test/native"],
      # GCC 12 warns of `"text" + std::to_string(n)` without cause (GCC bug 105651).
      "cflags": ["-Wno-restrict"],
      "sources": ["<!@(find test/native -path test/native/oracle -prune -o '(' -name '*_test.cc' -o -name test_main.cc ')' -print | LC_ALL=C sort)"],
      "libraries": ["-pthread"]
    },
    {
      # Those of the tests above that start threads, by their names.
      "target_name": "unitscope_native_thread_tests",
      "type": "executable",
      "dependencies": ["host", "core"],
      "include_dirs": ["test/native"],
      "cflags": ["-Wno-restrict"],
      "sources": ["<!@(find test/native -name test_main.cc | LC_ALL=C sort)", "<!@(grep -rl --include=*_test.cc threads: test/native | LC_ALL=C sort)"],
      "libraries": ["-pthread"]
    },
    {
      # Those that compare with libdbus, the D-Bus reference implementation: nothing else links it.
      "target_name": "unitscope_oracle_tests",
      "type": "executable",
      "dependencies": ["core"],
      "include_dirs": ["test/native"],
      "cflags": ["-Wno-restrict", "<!@(pkg-config --cflags dbus-1 2>/dev/null || true)"],
      "sources": ["test/native/test_main.cc", "<!@(find test/native/oracle -name '*_test.cc' | LC_ALL=C sort)"],
      "libraries": ["<!@(pkg-config --libs dbus-1 2>/dev/null || true)"]
    },
    {
      # The fuzz targets, all in one program: driven by libFuzzer (clang alone has it), and run over the corpus without it.
      # The one that compares with libdbus is left out where that is not.
      "target_name": "unitscope_fuzz",
      "type": "executable",
      "dependencies": ["core"],
      "include_dirs": ["test/native"],
      "cflags": ["<!@(pkg-config --cflags dbus-1 2>/dev/null || true)"],
      "libraries": ["<!@(pkg-config --libs dbus-1 2>/dev/null || true)"],
      "sources": ["<!@(find test/fuzz -name '*.cc' -not -name replay_main.cc $(pkg-config --exists dbus-1 || echo -not -name fuzz_dbus_oracle.cc) | LC_ALL=C sort)"]
    },
    {
      "target_name": "unitscope_fuzz_replay",
      "type": "executable",
      "dependencies": ["core"],
      "include_dirs": ["test/native"],
      "cflags": ["-Wno-restrict", "<!@(pkg-config --cflags dbus-1 2>/dev/null || true)"],
      "libraries": ["<!@(pkg-config --libs dbus-1 2>/dev/null || true)"],
      "sources": ["<!@(find test/fuzz -name '*.cc' -not -name libfuzzer_main.cc $(pkg-config --exists dbus-1 || echo -not -name fuzz_dbus_oracle.cc) | LC_ALL=C sort)"]
    }
  ]
}
