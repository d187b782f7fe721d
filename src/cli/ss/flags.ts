// The flags of `netkit ss`: ss's letters and long names, and netkit's own.

import { boolean, integer, option, string } from '@oclif/core/flags'
import { ndjsonFlag } from '../base-command.js'

const families = 'WHICH SOCKETS'
const shown = 'WHAT IS SHOWN'
const actions = 'OTHER THAN LISTING'

const which = (char: string | undefined, description: string) =>
  boolean({ ...(char ? { char: char as 't' } : {}), description, helpGroup: families })
const show = (char: string | undefined, description: string) =>
  boolean({ ...(char ? { char: char as 't' } : {}), description, helpGroup: shown })

export const socketFlags = {
  tcp: which('t', 'TCP'),
  udp: which('u', 'UDP'),
  raw: which('w', 'RAW'),
  unix: which('x', 'Unix domain'),
  packet: which('0', 'PACKET'),
  sctp: which('S', 'SCTP'),
  mptcp: which('M', 'MPTCP'),
  vsock: which(undefined, 'VSOCK'),
  xdp: which(undefined, 'XDP'),
  tipc: which(undefined, 'TIPC'),
  ipv4: which('4', 'IPv4 only'),
  ipv6: which('6', 'IPv6 only'),
  family: string({
    char: 'f',
    description: 'address family: unix, inet, inet6, link, netlink, vsock, tipc or xdp',
    helpGroup: families,
  }),
  query: string({
    char: 'A',
    aliases: ['socket'],
    description:
      'socket tables, comma-separated: all inet tcp udp raw mptcp sctp unix u_str ...; !table leaves one out',
    multiple: true,
    helpGroup: families,
  }),
  all: which('a', 'all states'),
  listening: which('l', 'listening sockets only'),
  'bound-inactive': which('B', 'TCP sockets that are bound but neither listen nor connect'),
  state: string({
    description: 'only these states or groups (all connected synchronized bucket big); comma lists, repeatable',
    multiple: true,
    helpGroup: families,
  }),
  exclude: string({ description: 'all states but these', multiple: true, helpGroup: families }),
  filter: string({
    char: 'F',
    description: 'read the filter from this file, - for standard input',
    helpGroup: families,
  }),
  net: string({
    char: 'N',
    aliases: ['netns'],
    description: 'in another network namespace: a name, a path, a pid, or all',
    helpGroup: families,
  }),
  source: option({
    options: ['auto', 'netlink', 'procfs'] as const,
    default: 'auto' as const,
    description: 'where sockets are read from',
    helpGroup: families,
  })(),
  numeric: show('n', 'numbers instead of service names'),
  resolve: show('r', 'host names instead of addresses, in tables; looked up for 3 s at most'),
  options: show('o', 'timers'),
  extended: show('e', 'owner, inode, cookie, cgroup, flags'),
  memory: show('m', 'memory in use, limits and drops'),
  processes: show('p', 'all processes that hold each socket'),
  threads: show('T', 'threads too (implies -p)'),
  info: show('i', 'TCP internals'),
  tos: show(undefined, 'ToS, traffic class and priority'),
  cgroup: show(undefined, 'control group'),
  'inet-sockopt': show(undefined, 'socket option flags'),
  'no-header': show('H', 'no header line'),
  'no-queues': show('Q', 'no queue columns'),
  oneline: show('O', 'everything of a socket on one line'),
  'count-by': string({
    description:
      'count sockets instead, by any of protocol family state local peer local-port peer-port process user uid cgroup ' +
      'netns interface; comma lists, repeatable',
    multiple: true,
    exclusive: ['summary'],
    helpGroup: actions,
  }),
  top: integer({
    description: 'with --count-by: the N largest counts, and all others as one',
    min: 1,
    dependsOn: ['count-by'],
    helpGroup: actions,
  }),
  summary: boolean({
    char: 's',
    description:
      'counts by protocol, family and TCP state of the sockets selected (all of the namespace without other flags), ' +
      'and no list',
    helpGroup: actions,
  }),
  watch: string({
    description: 'redraw every S seconds (2 when 0 is given) and mark what opened, closed and changed',
    helpGroup: actions,
  }),
  events: boolean({ char: 'E', description: 'print sockets as they are destroyed', helpGroup: actions }),
  kill: boolean({
    char: 'K',
    description: 'close matching sockets: shows them, and does it with --yes',
    helpGroup: actions,
  }),
  yes: boolean({ description: 'with -K: really close them', dependsOn: ['kill'], helpGroup: actions }),
  listeners: boolean({ description: 'with -K: listeners too', dependsOn: ['kill'], helpGroup: actions }),
  record: string({
    description: 'store all that the kernel says of the chosen tables, in all states, in this file (- for stdout)',
    exclusive: ['kill', 'watch', 'events', 'count-by', 'summary'],
    helpGroup: actions,
  }),
  replay: string({
    description: 'list what a file made by --record or ss -D holds (- for stdin)',
    exclusive: ['record', 'kill', 'watch', 'events', 'summary'],
    helpGroup: actions,
  }),
  'exit-code': boolean({ description: 'exit 1 when nothing matched', helpGroup: actions }),
  ndjson: ndjsonFlag,
}
