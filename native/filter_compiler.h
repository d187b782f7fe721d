// Capture filters in tcpdump's language, compiled by libpcap.
#pragma once

#include "call.h"

namespace netkit {

/** Arguments: expression, DLT_ number, snap length, instructions out, message out. Answers bytes of instructions or -errno. */
int compileFilter(Call& call);

}  // namespace netkit
