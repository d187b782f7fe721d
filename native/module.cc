// The addon: one primitive, a socket. It knows no protocol.
#include "batch.h"
#include "clock.h"
#include "filter_compiler.h"
#include "memory_map.h"
#include "socket_calls.h"
#include "socket_table.h"
#include "struct_sizes.h"
#include "watch.h"

namespace netkit {

namespace {

struct Export {
  const char* name;
  napi_callback function;
};

constexpr Export kExports[] = {
    {"open", entry<openSocket>},
    {"bind", entry<bindSocket>},
    {"connect", entry<connectSocket>},
    {"getName", entry<getName>},
    {"getPeer", entry<getPeer>},
    {"getOption", entry<getOption>},
    {"setOption", entry<setOption>},
    {"send", entry<send>},
    {"sendBatch", entry<sendBatch>},
    {"sendStamped", entry<sendStamped>},
    {"sendStampedAsync", entry<sendStampedAsync>},
    {"receiveBatch", entry<receiveBatch>},
    {"receiveBatchAsync", entry<receiveBatchAsync>},
    {"watch", entry<watchSocket>},
    {"unwatch", entry<unwatchSocket>},
    {"shutdown", entry<shutdownSocket>},
    {"close", entry<closeSocket>},
    {"pollNow", entry<pollNow>},
    {"fdOf", entry<fdOf>},
    {"clocks", entry<clocks>},
    {"mapRing", mapRing},
    {"compileFilter", entry<compileFilter>},
};

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  auto* table = new SocketTable(env);
  const auto destroy = [](napi_env, void* data, void*) { delete static_cast<SocketTable*>(data); };
  napi_set_instance_data(env, table, destroy, nullptr);
  for (const Export& item : kExports) {
    napi_value function = nullptr;
    napi_create_function(env, item.name, NAPI_AUTO_LENGTH, item.function, table, &function);
    exports.Set(item.name, function);
  }
  exports.Set("structSizes", structSizes(env));
  return exports;
}

}  // namespace

}  // namespace netkit

// The macro makes a name of its second argument, so that must be a plain one.
using netkit::initialize;
NODE_API_MODULE(netkit, initialize)
