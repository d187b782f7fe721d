{
  'variables': { 'sanitize%': '' },
  'targets': [
    {
      'target_name': 'netkit',
      'sources': [
        'batch.cc', 'batch_async.cc', 'call.cc', 'clock.cc', 'filter_compiler.cc', 'memory_map.cc', 'module.cc',
        'socket_calls.cc', 'socket_table.cc', 'struct_sizes.cc', 'watch.cc',
      ],
      'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
      'defines': ['NAPI_VERSION=8', 'NAPI_DISABLE_CPP_EXCEPTIONS'],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
      'cflags_cc': ['-std=c++20', '-O2', '-Wall', '-Wextra'],
      'conditions': [
        ['sanitize==""', { 'ldflags': ['-s'] }, {
          'cflags_cc': ['-g', '-fsanitize=address,undefined', '-fno-omit-frame-pointer'],
          'ldflags': ['-fsanitize=address,undefined'],
        }],
      ],
    },
  ],
}
