// The rows of the ping benchmark, in the order in which they are measured.

import { inNamespace, overChain } from './ping-lab.mjs'
import { agreement, blocked, fast, truth } from './ping-latency.mjs'
import { manyAll, manySome, memoryMany, memoryOne } from './ping-many.mjs'

export const ROWS = [
  agreement('agreement-loopback', 'loopback', inNamespace),
  agreement('agreement-veth', 'neighbour over veth', (lab, fn) => overChain(lab, 0, fn)),
  agreement('agreement-routers', 'behind three routers', (lab, fn) => overChain(lab, 3, fn)),
  blocked,
  truth(1),
  truth(5),
  truth(20),
  manyAll,
  manySome,
  fast,
  memoryOne,
  memoryMany,
]
