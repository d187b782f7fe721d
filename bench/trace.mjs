// Measures `netkit trace` side by side with traceroute, mtr and tracepath, in one run, in namespaces that it makes and removes.
//
//   node bench/trace.mjs [--quick] [--rounds N] [--netkit COMMAND] [--save] [--help] [ROW...]
//
// Rows, all as root over IPv4 with names off:
//   hops-3, hops-12   a target behind so many routers that all answer at once, one probe to each, from start to the end of the program: at
//                     most 0.25 s, and behind no peer by more than their start-ups differ (the same command to loopback) and 10 ms.
//   silent-30         30 times to live and no answer at all: one timeout (1 s) and 0.3 s.
//   live-3, live-12   processor time of the live view at its own pace in a terminal of 120 x 40: less than 5 % of a core.
//
// --rounds N: so many rounds in every row but `live`. --quick: a fraction of them; its verdicts do not count.
// --netkit COMMAND: instead of bin/run.js. --save: also bench/results/DATE-trace.json.
// Needs root, ip, traceroute, mtr, tracepath, python3 and a built package. Takes about eight minutes, which are mostly those of mtr.
// Exit 1 when a row misses its goal or could not be measured, 2 for bad usage.

import { fileURLToPath } from 'node:url'
import { sideBySide } from './side-by-side.mjs'
import { ROWS } from './trace-rows.mjs'

await sideBySide({
  script: fileURLToPath(import.meta.url),
  name: 'trace',
  rows: ROWS,
  needed: ['ip', 'traceroute', 'mtr', 'tracepath', 'python3'],
  versions: [
    ['mtr', '--version'],
    ['tracepath', '-V'],
  ],
})
