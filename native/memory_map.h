// The kernel's ring of received packets as memory of JavaScript.
#pragma once

#include "call.h"

namespace netkit {

/** Argument 0 is the socket, 1 the bytes of its ring. Answers an ArrayBuffer, or -errno as a number. */
napi_value mapRing(napi_env env, napi_callback_info info);

/** JavaScript loses sight of the memory at once; the mapping goes with the last reader of the memory. */
void detachRing(napi_env env, napi_ref ring);

}  // namespace netkit
