// Measures `netkit decode` side by side with tcpdump, tcptrace and tshark, in one run, on captures that make-capture.mjs makes.
//
//   node bench/decode.mjs [--quick] [--rounds N] [--netkit COMMAND] [--save] [--help] [ROW...]
//
// Rows, whole-process wall time, medians of rounds in which the tools take turns:
//   packets     10 million packets of 100,000 connections, 96 bytes of each: the summary and the flow table, against
//               `tcpdump -r FILE -w /dev/null` and `tcptrace -n`
//   payload     1 million packets with all of their payload (pcap), against `tcptrace -n` and `tshark -q -z conv,tcp`
//   pcapng      the same as pcapng, against tshark (tcptrace reads no pcapng: its time is that for the pcap file)
//   ndjson      `--packets --ndjson` of 1 million packets, against `tshark -T text`
//   gzip, zstd  1 million packets compressed, against the decompressor alone plus the plain file
//   memory      resident memory at its peak with 100,000 flows, and with twice the packets of them
//   scan        resident memory at its peak for a scan of 1,000,000 ends on standard input
//
// --rounds N: so many rounds in every row. --quick: a tenth of the packets and 3 rounds; its verdicts do not count.
// --netkit COMMAND: instead of bin/run.js. --save: also bench/results/DATE-decode.json. Captures take 3 GB in the temporary directory.
// Needs root, tcpdump, tcptrace, tshark, gzip, zstd, python3 and a built package. Takes about ten minutes on an idle machine.
// Exit 1 when a row misses its goal or could not be measured, 2 for bad usage.

import { fileURLToPath } from 'node:url'
import { ROWS } from './decode-rows.mjs'
import { sideBySide } from './side-by-side.mjs'

await sideBySide({
  script: fileURLToPath(import.meta.url),
  name: 'decode',
  rows: ROWS,
  needed: ['tcpdump', 'tcptrace', 'tshark', 'gzip', 'zstd', 'python3'],
  versions: [
    ['tcpdump', '--version'],
    ['tshark', '--version'],
  ],
})
