// A batch for probes that leave one by one.

import type { SendBatch } from '../ports/probe.js'

/** Room for one row, whose numbers the caller writes. */
export function batchOfOne(): SendBatch {
  return {
    count: 1,
    target: new Int32Array(1),
    sequence: new Uint32Array(1),
    payloadBytes: new Int32Array(1),
    result: new Int32Array(1),
    sentNs: new Float64Array(1),
    sentMonoNs: new Float64Array(1),
    mtu: new Int32Array(1),
  }
}
