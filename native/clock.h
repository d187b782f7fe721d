// Readings of the system's clocks.
#pragma once

#include <cstdint>
#include <cstdlib>
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

/** By how much the clocks may have moved against each other between two readings that are taken for good. */
constexpr int64_t kOneMomentNs = 100'000;
constexpr int kMostReadings = 4;

inline int64_t nanoseconds(const timespec& time) { return time.tv_sec * int64_t{1'000'000'000} + time.tv_nsec; }

/**
 * The wall clock is read last: it is the one that the kernel's own stamps are compared with. Where the scheduler came between the
 * two they are of two moments, which would look like a wall clock that was set; then, as when it really was, they are read again.
 */
inline Stamp readClocks() {
  thread_local int64_t apart = 0;
  timespec monotonic, realtime;
  for (int reading = 0; reading < kMostReadings; ++reading) {
    ::clock_gettime(CLOCK_MONOTONIC, &monotonic);
    ::clock_gettime(CLOCK_REALTIME, &realtime);
    const int64_t before = apart;
    apart = nanoseconds(realtime) - nanoseconds(monotonic);
    if (std::llabs(apart - before) < kOneMomentNs) break;
  }
  return {static_cast<int32_t>(realtime.tv_sec), static_cast<int32_t>(realtime.tv_nsec),
          static_cast<int32_t>(monotonic.tv_sec), static_cast<int32_t>(monotonic.tv_nsec)};
}

int clocks(Call& call);

}  // namespace netkit
