// Measures `netkit ping` side by side with ping (iputils) and fping, in one run, in namespaces that it makes and removes.
//
//   node bench/ping.mjs [--quick] [--rounds N] [--netkit COMMAND] [--save] [--help] [ROW...]
//
// Rows, all IPv4:
//   agreement-loopback, agreement-veth, agreement-routers
//                 64-byte ICMP every 100 ms to loopback, a neighbour, a host behind three routers: 5 blocks of 60 probes of each
//                 tool, in turn. |difference of the medians| <= max(4 µs, 8 %) in 4 blocks of 5, <= max(10 µs, 20 %) in all.
//   blocked       loopback through the library (ping-blocked.mjs) with the event loop blocked 20 ms in every 50: the median of all
//                 blocks within 10 µs of the unblocked one, p99 <= ping's + 100 µs.
//   truth-1ms, truth-5ms, truth-20ms
//                 a TUN responder holds each reply so long: the median is 0 to 150 µs more.
//   many-65024    loopback targets once each, from a file, against `fping -i 0 -r 0`: 0.80 of its wall time, the same alive set.
//   many-4096     the same with 4,096: slower than fping by no more than for one target (start-up), measured in the same rounds.
//   interval-2ms  10,000 probes every 2 ms: p99 <= 3 x ping's; processor time of the whole process <= 25 % of a core.
//   memory, memory-many
//                 resident memory at 900,000 to 1,000,000 probes over that at 200,000 to 300,000: at most 5 MiB more; one target
//                 in a flood, and 4,096 in turn.
//
// --rounds N: so many blocks or rounds in every row but memory. --quick: a fraction of the probes; its verdicts do not count.
// --netkit COMMAND: instead of bin/run.js; the row `blocked` always takes dist/index.js. --save: also bench/results/DATE-ping.json.
// Times of netkit and ping are read off the reply lines of both; those of `truth` off netkit's events, which have more digits.
// Needs root, ip, ping, fping, python3, g++ and a built package. Takes about ten minutes on an otherwise idle machine.
// Exit 1 when a row misses its goal or could not be measured, 2 for bad usage.

import { fileURLToPath } from 'node:url'
import { ROWS } from './ping-rows.mjs'
import { sideBySide } from './side-by-side.mjs'

await sideBySide({
  script: fileURLToPath(import.meta.url),
  name: 'ping',
  rows: ROWS,
  needed: ['ip', 'ping', 'fping', 'python3', process.env.CXX ?? 'g++'],
  versions: [
    ['ping', '-V'],
    ['fping', '-v'],
  ],
})
