// Measures `netkit capture` beside tcpdump: packets sent at an even rate through a veth pair, how many are lost, and what it costs.
//
//   node bench/capture.mjs [--quick] [--netkit COMMAND] [--save] [--help] [ROW...]
//
// Rows, 3 s of packets of 2000 connections each, the same for all tools of a row, one after the other:
//   live-100k, live-500k     so many packets a second: netkit's ring with all labels, netkit through the cap package,
//                            `tcpdump -w /dev/null` and `tcpdump -nn` (text). The ring loses nothing at 35 % of a core.
//   write-500k               the ring and `--write` at the same time: nothing lost.
//
// Lost is what was sent and is not in the tool's own count. Processor time is that of the whole process, its start included.
// --quick: 1 s, whose verdicts do not count. --netkit COMMAND: instead of bin/run.js. --save: also bench/results/DATE-capture.json.
// Needs root, ip, tcpdump, python3, g++ and a built package. Takes two minutes on an idle machine with two cores or more.
// Exit 1 when a row misses its goal or could not be measured, 2 for bad usage.

import { fileURLToPath } from 'node:url'
import { ROWS } from './capture-rows.mjs'
import { sideBySide } from './side-by-side.mjs'

await sideBySide({
  script: fileURLToPath(import.meta.url),
  name: 'capture',
  rows: ROWS,
  needed: ['ip', 'tcpdump', 'python3', process.env.CXX ?? 'g++'],
  versions: [['tcpdump', '--version']],
})
