{
  # The Debian packages that this needs are listed in tooling/requirements.mjs.
  "target_defaults": {
    "cflags_cc": ["-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-fvisibility=hidden"],
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-O3", "-w"],
    "include_dirs": ["."]
  },
  "targets": [
    {
      "target_name": "berth",
      "defines": ["NAPI_VERSION=9", "NODE_ADDON_API_DISABLE_DEPRECATED"],
      "cflags_cc!": ["-fno-exceptions"],
      "cflags_cc": ["-fexceptions"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "sources": ["<!@(ls addon/*.cc core/*.cc layers/*.cc)"],
      "libraries": ["-l:libzstd.a", "-l:libseccomp.a"],
      # exclude-libs: newer nodes export a zstd of their own, which must not be mixed with ours. nodelete: a Worker that
      # ends unloads its addons, while a native thread may still be on its way out.
      "ldflags": ["-Wl,--exclude-libs,ALL", "-Wl,-z,nodelete"]
    },
    {
      "target_name": "berth-shim",
      "type": "executable",
      # No exceptions, no templates of libstdc++'s own, sections: every container keeps one of these in memory.
      "cflags_cc": ["-Os", "-fno-exceptions", "-fno-rtti", "-ffunction-sections", "-fdata-sections", "-fno-asynchronous-unwind-tables"],
      "cflags_cc!": ["-O2"],
      "defines": ["_GLIBCXX_EXTERN_TEMPLATE=0"],
      "ldflags": ["-static", "-Wl,--gc-sections"],
      "ldflags!": ["-rdynamic"],
      "sources": ["<!@(ls shim/*.cc)"]
    }
  ]
}
