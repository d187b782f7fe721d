// The flags of `netkit trace`: mtr's letters where mtr and traceroute disagree, and netkit's own.

import { boolean, option, string } from '@oclif/core/flags'
import { ndjsonFlag } from '../base-command.js'

type Char = Parameters<typeof boolean>[0] extends { char?: infer C } | undefined ? NonNullable<C> : never

const toggle = (group: string) => (char: string | undefined, description: string) =>
  boolean({ ...(char === undefined ? {} : { char: char as Char }), description, helpGroup: group })
const valued = (group: string) => (char: string | undefined, helpValue: string, description: string) =>
  string({ ...(char === undefined ? {} : { char: char as Char }), description, helpValue, helpGroup: group })

const which = toggle('THE PROBE')
const probe = valued('THE PROBE')
const path = valued('HOW FAR, HOW OFTEN')
const pace = toggle('HOW FAR, HOW OFTEN')
const show = toggle('WHAT IS SHOWN')
const shown = valued('WHAT IS SHOWN')

export const traceFlags = {
  ipv4: which('4', 'IPv4 only'),
  ipv6: which('6', 'IPv6 only'),
  icmp: which(undefined, 'ICMP echo requests (the default, where this user may send them)'),
  udp: which('u', 'UDP datagrams (the default with --flows)'),
  tcp: which('T', 'TCP handshakes'),
  port: probe('P', 'PORT', 'destination port: 33434 for UDP, 80 for TCP'),
  'source-port': probe(undefined, 'PORT', 'source port of the first flow'),
  size: probe('s', 'BYTES', 'bytes of the IP packet: 60, IPv6 80'),
  tos: probe('Q', 'TOS', 'type of service, or traffic class: 0x10, 16'),
  interface: probe('I', 'IFACE', 'from this interface, or this address of it'),
  source: probe('a', 'ADDRESS', 'from this address'),
  mark: probe('M', 'MARK', 'firewall mark of the packets'),
  raw: which(undefined, 'raw sockets too: shows what routers quote (DSCP, NAT)'),
  transport: option({
    options: ['auto', 'datagram', 'raw', 'raw-socket'] as const,
    default: 'auto' as const,
    description: 'how ICMP is sent: unprivileged datagram socket, raw socket, or the raw-socket package',
    helpGroup: 'THE PROBE',
  })(),

  'first-ttl': path('f', 'TTL', 'begin at this hop (1)'),
  'max-ttl': path('m', 'TTL', 'go no further than this hop (30)'),
  probes: path('q', 'N', 'for one look at the path: probes to each hop (3)'),
  count: path('c', 'N', 'rounds, then a report: each sends one probe to every hop (10)'),
  interval: path('i', 'TIME', 'seconds between rounds, or with a unit: 0.2, 200ms (1)'),
  timeout: path('w', 'TIME', 'seconds to wait for an answer at most (1, of TCP no more)'),
  flows: path(undefined, 'N', 'up to N flows, to find the branches of the path (1: one branch)'),
  mtu: pace(undefined, 'measure the packet sizes that each hop takes, and where the MSS of TCP is lowered'),
  'no-verify': pace(undefined, 'do not slow probes to tell hops that limit their answers from loss'),

  report: show('r', 'print a report after -c rounds'),
  path: show(undefined, 'look once and print the path, although this is a terminal'),
  numeric: show('n', 'no names of addresses'),
  as: show('z', 'show AS numbers, from --mmdb'),
  mmdb: string({
    description: 'AS numbers, cities and countries from this MaxMind DB file',
    helpValue: 'FILE',
    multiple: true,
    helpGroup: 'WHAT IS SHOWN',
  }),
  baseline: shown(undefined, 'FILE', 'compare with a run that --json saved there'),
  csv: show(undefined, 'print comma-separated values, a line for each responder'),
  dot: show(undefined, 'print the paths of all flows as a graph for Graphviz'),
  'fail-if': string({
    description: "exit 1 when loss or times to the target exceed a limit: 'loss>5,p95>20ms'",
    helpValue: 'LIMITS',
    multiple: true,
    helpGroup: 'WHAT IS SHOWN',
  }),
  ndjson: ndjsonFlag,
}
