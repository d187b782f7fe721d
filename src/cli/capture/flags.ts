// The flags of `netkit capture`: tcpdump's letters and meanings where it has them.

import { boolean, option, string } from '@oclif/core/flags'
import { ndjsonFlag } from '../base-command.js'

const SHOWN = 'WHAT IS SHOWN'
const CAPTURED = 'WHAT IS CAPTURED'
const WRITTEN = 'WHAT IS WRITTEN'

export const captureFlags = {
  interface: string({
    char: 'i',
    helpValue: 'IF',
    description: 'this interface; any, which is what it is without this, is all of them',
    helpGroup: CAPTURED,
  }),
  count: string({ char: 'c', helpValue: 'N', description: 'stop after N packets', helpGroup: CAPTURED }),
  duration: string({ helpValue: 'TIME', description: 'stop after so many seconds, or 500ms, 5m', helpGroup: CAPTURED }),
  snaplen: string({
    char: 's',
    helpValue: 'BYTES',
    description: 'keep so much of each packet (262144, as 0 does)',
    helpGroup: CAPTURED,
  }),
  'no-promiscuous': boolean({
    char: 'p',
    description: 'leave the interface as it is: no packets for other hosts',
    helpGroup: CAPTURED,
  }),
  'buffer-size': string({
    char: 'B',
    helpValue: 'KIB',
    description: 'what the kernel may hold for netkit, in KiB, or 64M (32M)',
    helpGroup: CAPTURED,
  }),
  source: option({
    options: ['auto', 'ring', 'cap'] as const,
    default: 'auto' as const,
    description: "how packets come: the kernel's ring, or the cap package, which is slower and knows less",
    helpGroup: CAPTURED,
  })(),
  'max-flows': string({
    helpValue: 'N',
    description: 'remember so many flows at a time (131072)',
    helpGroup: CAPTURED,
  }),
  'list-interfaces': boolean({
    char: 'D',
    description: 'print the interfaces that can be captured on, and nothing else',
    helpGroup: CAPTURED,
  }),

  write: string({
    char: 'w',
    helpValue: 'FILE',
    description: 'write the packets there too: as pcapng where the name ends so, else as pcap; - is standard output',
    helpGroup: WRITTEN,
  }),
  'packet-buffered': boolean({
    char: 'U',
    description: 'packets get into the file as they come: they always do, within a second',
    helpGroup: WRITTEN,
  }),
  'rotate-size': string({
    helpValue: 'BYTES',
    description: 'go on in a new file before one gets larger: 100M',
    helpGroup: WRITTEN,
  }),
  'rotate-seconds': string({
    helpValue: 'TIME',
    description: 'go on in a new file after this time: 60, 1h',
    helpGroup: WRITTEN,
  }),
  keep: string({ helpValue: 'N', description: 'only the newest N files stay', helpGroup: WRITTEN }),

  packets: boolean({ description: 'print the packets, one a line, with their labels', helpGroup: SHOWN }),
  numeric: boolean({
    char: 'n',
    description: 'no names of addresses and ports: there never are, the letter is for habit',
    helpGroup: SHOWN,
  }),
  'line-buffered': boolean({
    char: 'l',
    description: 'lines are not held back for a pipe: they never are',
    helpGroup: SHOWN,
  }),
  quiet: boolean({ char: 'q', description: 'print the summary only', helpGroup: SHOWN }),
  limit: string({ helpValue: 'N', description: 'show so many flows at the end (40), 0 for all', helpGroup: SHOWN }),
  ndjson: ndjsonFlag,
}
