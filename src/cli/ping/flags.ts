// The flags of `netkit ping`: ping's letters and meanings, fping's needs under long names, and netkit's own.

import { boolean, option, string } from '@oclif/core/flags'
import { ndjsonFlag } from '../base-command.js'

type Char = Parameters<typeof boolean>[0] extends { char?: infer C } | undefined ? NonNullable<C> : never

const toggle = (group: string) => (char: string | undefined, description: string) =>
  boolean({ ...(char === undefined ? {} : { char: char as Char }), description, helpGroup: group })
const valued = (group: string) => (char: string | undefined, helpValue: string, description: string) =>
  string({ ...(char === undefined ? {} : { char: char as Char }), description, helpValue, helpGroup: group })

const when = valued('HOW OFTEN, HOW LONG')
const pace = toggle('HOW OFTEN, HOW LONG')
const packet = valued('THE PROBE')
const bit = toggle('THE PROBE')
const who = valued('TARGETS')
const which = toggle('TARGETS')
const show = toggle('WHAT IS SHOWN')

export const pingFlags = {
  count: when(
    'c',
    'N',
    'stop after N probes to each target; with -w and one target, after N answers; many get one without this, or go on with --graph',
  ),
  interval: when(
    'i',
    'TIME',
    'seconds between probes to a target, or with a unit: 0.2, 200ms; 2 ms at least for users',
  ),
  deadline: when('w', 'TIME', 'stop after so many seconds at the latest'),
  timeout: when('W', 'TIME', 'seconds to wait for an answer: 10 for one target, 1 for many'),
  adaptive: pace('A', 'a probe each round-trip time'),
  flood: pace('f', 'a probe for each answer, at least 100 a second, or as -i says; draws dots'),
  preload: when('l', 'N', 'send N probes at once at the start'),
  gap: when(undefined, 'TIME', 'with many targets: between any two probes (1ms)'),

  size: packet('s', 'BYTES', 'payload bytes (56)'),
  pattern: packet('p', 'HEX', 'fill the payload with up to 16 bytes'),
  ttl: packet('t', 'N', 'time to live, or hop limit'),
  tos: packet('Q', 'TOS', 'type of service, or traffic class: 0x10, 16'),
  'path-mtu': packet(
    'M',
    'HOW',
    'do: never fragment, want: fragment here, dont: let routers, probe: ignore what is known',
  ),
  mark: packet('m', 'MARK', 'firewall mark of the packets'),
  interface: packet('I', 'IFACE', 'from this interface, or this address of it'),
  'send-buffer': packet('S', 'BYTES', 'send buffer of the socket'),
  'flow-label': packet('F', 'LABEL', 'IPv6 flow label'),
  identifier: packet('e', 'ID', 'identifier of the echo requests'),
  'record-route': bit('R', 'record the route (IPv4, nine hops)'),
  timestamp: packet('T', 'HOW', 'IP timestamps: tsonly, tsandaddr'),
  'no-loopback': bit('L', 'keep multicast probes from this host'),
  broadcast: bit('b', 'allow a broadcast address'),
  tcp: packet(undefined, 'PORT', 'TCP handshakes with this port instead of ICMP'),
  udp: packet(undefined, 'PORT', 'UDP datagrams to this port instead of ICMP'),
  transport: option({
    options: ['auto', 'datagram', 'raw', 'raw-socket'] as const,
    default: 'auto' as const,
    description: 'how ICMP is sent: unprivileged datagram socket, raw socket, or the raw-socket package',
    helpGroup: 'THE PROBE',
  })(),
  timestamps: option({
    options: ['auto', 'kernel', 'rx', 'user'] as const,
    default: 'auto' as const,
    description:
      "clock readings: the kernel's receive stamps and transmit stamps (kernel), receive stamps only (rx), or this process's (user)",
    helpGroup: 'THE PROBE',
  })(),

  ipv4: which('4', 'IPv4 only'),
  ipv6: which('6', 'IPv6 only'),
  file: who(undefined, 'FILE', 'targets from this file, one a line, - for standard input'),
  many: which(undefined, 'treat one target as many are: one line for it at the end'),
  alive: which(undefined, 'print only targets that answered, one a line'),
  unreachable: which(undefined, 'print only targets that did not answer, one a line'),

  numeric: show('n', 'no names of addresses'),
  quiet: show('q', 'summary only'),
  date: show('D', 'Unix time before each line'),
  missing: show('O', 'say so when a probe is still unanswered as the next one leaves'),
  audible: show('a', 'ring the bell at each answer'),
  verbose: show('v', 'more of each answer: MPLS labels of errors, the identifier given with -e'),
  graph: show(undefined, 'draw round-trip times over time'),
  mtu: boolean({ description: 'find the path MTU instead', helpGroup: 'OTHER THAN PINGING' }),
  'fail-if': string({
    description: "exit 1 when a limit is exceeded: 'loss>5,p95>20ms'",
    helpValue: 'LIMITS',
    multiple: true,
    helpGroup: 'WHAT IS SHOWN',
  }),
  ndjson: ndjsonFlag,
}
