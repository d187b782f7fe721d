// The calls on one socket that need no state of ours.
#pragma once

#include "call.h"

namespace netkit {

int bindSocket(Call& call);
int connectSocket(Call& call);
int getName(Call& call);
int getPeer(Call& call);
int getOption(Call& call);
int setOption(Call& call);
int send(Call& call);
int shutdownSocket(Call& call);
int pollNow(Call& call);
int fdOf(Call& call);

}  // namespace netkit
