// clock_gettime(2) for JavaScript, without a BigInt.
#include "clock.h"

#include <cstring>

namespace netkit {

int clocks(Call& call) {
  Words out;
  const Stamp now = readClocks();
  if (!call.words(0, out) || out.length < sizeof now / sizeof(int32_t)) return -EINVAL;
  std::memcpy(out.data, &now, sizeof now);
  return 0;
}

}  // namespace netkit
