// The flags of `netkit decode`.

import { boolean, string } from '@oclif/core/flags'
import { ndjsonFlag } from '../base-command.js'

const toggle = (helpGroup: string) => (description: string) => boolean({ description, helpGroup })
const valued = (helpGroup: string) => (helpValue: string, description: string) =>
  string({ description, helpValue, helpGroup })
const listed = (helpGroup: string) => (helpValue: string, description: string) =>
  string({ description, helpValue, helpGroup, multiple: true })

const show = toggle('WHAT IS SHOWN')
const which = listed('WHICH FLOWS AND PACKETS')
const when = valued('WHICH FLOWS AND PACKETS')
const read = toggle('HOW IT IS READ')

export const decodeFlags = {
  packets: show('print the packets, one a line, with their labels'),
  ladder: show('draw the packets as arrows between client and server'),
  explain: show('say in plain words what is wrong, the worst first, with the frames that show it'),
  limit: valued('WHAT IS SHOWN')('N', 'show so many flows (40), 0 for all'),
  csv: show('print comma-separated values, a line for each flow, or packet with --packets'),
  ndjson: ndjsonFlag,
  write: valued('WHAT IS SHOWN')(
    'FILE',
    'write the packets there: as pcapng where the name ends so, else as pcap; - is standard output',
  ),
  html: valued('WHAT IS SHOWN')(
    'FILE',
    'write a page with the flows drawn over time and as ladders, beside what is printed',
  ),
  'exit-code': show('exit 1 when no flow or packet was wanted'),

  flow: which('N', 'the flow with this number, all that is known of it'),
  host: which('ADDRESS', 'flows from or to this address or network: 10.0.0.0/8'),
  port: which('PORT', 'flows from or to this port, or a range: 8000-8010'),
  outcome: which('OUTCOME', 'flows that came to this: refused, no-answer, reset-by-server ...'),
  state: which('STATE', 'flows of which an end is left in this state, as ss names it: time-wait, close-wait ...'),
  label: which(
    'LABEL',
    'flows that have such packets, or such packets with --packets: retransmission, zero-window ...',
  ),
  since: when('TIME', 'from then on: seconds from the first packet, or 2026-01-31T12:00:00Z'),
  until: when('TIME', 'until then, likewise'),

  follow: read('wait for more at the end of the file until Ctrl-C'),
  checksums: read('verify checksums, which captures on the sending host often lack'),
  'max-flows': valued('HOW IT IS READ')('N', 'remember so many flows at a time (131072)'),
  'no-limit': read('unpack a compressed file however large it becomes'),
}
