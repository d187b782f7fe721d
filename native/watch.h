// Readiness of a socket on the environment's own event loop.
#pragma once

#include "call.h"

namespace netkit {

struct Watch;

/** The loop forgets the descriptor now; the memory goes when libuv is done with it. */
void stopWatch(Watch* watch);

int watchSocket(Call& call);
int unwatchSocket(Call& call);

}  // namespace netkit
