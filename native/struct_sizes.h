// What the C compiler makes of the structs that TypeScript declares by hand.
#pragma once

#include <napi.h>

namespace netkit {

/** Struct name -> bytes, of the kernel headers that were there when this was built. */
Napi::Object structSizes(Napi::Env env);

}  // namespace netkit
