// Readings of the system's clocks.
#pragma once

#include <cstdint>
#include <ctime>

#include "call.h"

namespace netkit {

/**
 * Both clocks at one moment, as four int32 of a table. Seconds wrap around after 2038 as an unsigned number does after
 * 2106, so JavaScript reads them with `>>> 0`.
 */
struct Stamp {
  int32_t realtimeSeconds, realtimeNanoseconds, monotonicSeconds, monotonicNanoseconds;
};
static_assert(sizeof(Stamp) == 4 * sizeof(int32_t));

/** The wall clock is read last: it is the one that the kernel's own stamps are compared with. */
inline Stamp readClocks() {
  timespec monotonic, realtime;
  ::clock_gettime(CLOCK_MONOTONIC, &monotonic);
  ::clock_gettime(CLOCK_REALTIME, &realtime);
  return {static_cast<int32_t>(realtime.tv_sec), static_cast<int32_t>(realtime.tv_nsec),
          static_cast<int32_t>(monotonic.tv_sec), static_cast<int32_t>(monotonic.tv_nsec)};
}

int clocks(Call& call);

}  // namespace netkit
