// Independent witnesses of what sockets a namespace has: `ss`, and the files of /proc/net. Shares no code with netkit.

import { inNetns } from './netns.js'

export interface WitnessEnd {
  /** IPv4-mapped addresses as IPv4; null where the family has no address or the socket no name. */
  address: string | null
  port: number | null
  interface: string | null
}

export interface WitnessRow {
  protocol: string
  family: string
  /** stream, dgram, seqpacket or raw for unix and packet; null otherwise. */
  type: string | null
  /** In netkit's words. */
  state: string
  local: WitnessEnd
  peer: WitnessEnd
  /** 0 = no descriptor; null = the witness does not say (ss on raw and netlink sockets read from /proc). */
  inode: number | null
  /** 16 hex digits; null from /proc. */
  cookie: string | null
  recvQueue: number
  sendQueue: number
  /** The line it was read from. */
  text: string
}

const SS_STATES: Record<string, string> = {
  ESTAB: 'established',
  'SYN-SENT': 'syn-sent',
  'SYN-RECV': 'syn-recv',
  'FIN-WAIT-1': 'fin-wait-1',
  'FIN-WAIT-2': 'fin-wait-2',
  'TIME-WAIT': 'time-wait',
  UNCONN: 'closed',
  'CLOSE-WAIT': 'close-wait',
  'LAST-ACK': 'last-ack',
  LISTEN: 'listening',
  CLOSING: 'closing',
  BOUND: 'bound-inactive',
}

const NETIDS: Record<string, [protocol: string, type: string | null]> = {
  tcp: ['tcp', null],
  udp: ['udp', null],
  raw: ['raw', null],
  mptcp: ['mptcp', null],
  icmp6: ['raw', null],
  p_raw: ['packet', 'raw'],
  p_dgr: ['packet', 'dgram'],
  u_str: ['unix', 'stream'],
  u_dgr: ['unix', 'dgram'],
  u_seq: ['unix', 'seqpacket'],
  nl: ['netlink', null],
  v_str: ['vsock', 'stream'],
  v_dgr: ['vsock', 'dgram'],
}

/** Protocols that ss prints without its Netid column, by the one option that asked for them. */
const OPTION_NETIDS: Record<string, string> = { t: 'tcp', u: 'udp', w: 'raw', M: 'mptcp' }
const NO_END: WitnessEnd = { address: null, port: null, interface: null }

const unmapped = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '')

/** One `address%interface:port` of ss. `*` alone is the IPv6 wildcard of a socket that serves both families. */
function inetEnd(text: string): WitnessEnd & { v6: boolean } {
  const colon = text.lastIndexOf(':')
  const port = text.slice(colon + 1)
  const [host, device] = text.slice(0, colon).split('%') as [string, string?]
  const address = host === '*' ? '::' : host.replace(/^\[|\]$/g, '')
  return {
    address: unmapped(address),
    port: port === '*' ? 0 : Number(port),
    interface: device ?? null,
    v6: address.includes(':'),
  }
}

const ends = ({ address, port, interface: device }: WitnessEnd): WitnessEnd => ({ address, port, interface: device })

function unixRow(text: string, rest: string, base: Pick<WitnessRow, 'type' | 'state'>): WitnessRow {
  // Paths may hold blanks: the inodes before the arrow are the fixed points.
  const found = /^(\d+)\s+(\d+)\s+(.*) (\d+)\s+(\S.*?) (\d+)\s+(?:<->|-->|<--|---)/s.exec(rest)
  if (!found) throw new Error(`ss printed a unix row that cannot be read: ${JSON.stringify(text)}`)
  const name = (path: string): WitnessEnd => ({ ...NO_END, address: path.trim() === '*' ? null : path.trim() })
  return {
    ...base,
    protocol: 'unix',
    family: 'unix',
    local: name(found[3]!),
    peer: name(found[5]!),
    inode: Number(found[4]),
    cookie: null,
    recvQueue: Number(found[1]),
    sendQueue: Number(found[2]),
    text,
  }
}

function otherRow(text: string, rest: string, protocol: string, base: Pick<WitnessRow, 'type' | 'state'>): WitnessRow {
  const [recvQueue, sendQueue, local, peer] = rest.trim().split(/\s+/) as [string, string, string, string]
  const inode = /(?:^|\s)ino:(\d+)/.exec(text)
  const cookie = /(?:^|\s)sk:([0-9a-f]+)/.exec(text)
  const inet = protocol !== 'packet' && protocol !== 'netlink' && protocol !== 'vsock'
  const near = inet ? inetEnd(local) : null
  return {
    ...base,
    protocol,
    family: near ? (near.v6 || local.includes('::ffff:') ? 'inet6' : 'inet') : protocol,
    local: near ? ends(near) : { ...NO_END, address: local },
    peer: inet ? ends(inetEnd(peer)) : { ...NO_END, address: peer },
    inode: inode ? Number(inode[1]) : null,
    cookie: cookie ? cookie[1]!.padStart(16, '0') : null,
    recvQueue: Number(recvQueue),
    sendQueue: Number(sendQueue),
    text,
  }
}

/**
 * The rows that `ss -Hne ARGS` prints in `ns`. ss leaves the Netid column out when one protocol is asked for, and the
 * State column when one state is; both are then taken from the arguments.
 */
export async function ssRows(ns: string, args: readonly string[] = ['-a']): Promise<WitnessRow[]> {
  const { stdout, stderr, code } = await inNetns(ns, ['ss', '-Hne', ...args])
  if (code !== 0) throw new Error(`ss ${args.join(' ')} failed: ${stderr}`)
  const options = args.filter(arg => /^-[^-]/.test(arg)).join('')
  const netid =
    [...options].map(letter => OPTION_NETIDS[letter]).find(Boolean) ?? (options.includes('x') ? 'u_str' : '')
  const word = args[args.indexOf('state') + 1]
  const rows: WitnessRow[] = []
  for (const line of stdout.split('\n')) {
    if (line.trim() === '' || line.startsWith('\t')) continue
    let rest = line
    const take = (known: Record<string, unknown>): string | null => {
      const found = /^(\S+)\s+/.exec(rest)
      if (!found || !(found[1]! in known)) return null
      rest = rest.slice(found[0].length)
      return found[1]!
    }
    const [protocol, type] = NETIDS[take(NETIDS) ?? netid] ?? ['tcp', null]
    const label = take(SS_STATES)
    const base = { type, state: label ? SS_STATES[label]! : (word ?? 'unknown') }
    rows.push(protocol === 'unix' ? unixRow(line, rest, base) : otherRow(line, rest, protocol, base))
  }
  return rows
}

const PROC_STATES = [
  'unknown',
  'established',
  'syn-sent',
  'syn-recv',
  'fin-wait-1',
  'fin-wait-2',
  'time-wait',
  'closed',
  'close-wait',
  'last-ack',
  'listening',
  'closing',
  'syn-recv',
]

/** Hex of /proc: words of four bytes, each in host (little-endian) order. */
function procEnd(text: string): WitnessEnd {
  const [hex, port] = text.split(':') as [string, string]
  const bytes = Buffer.from(hex, 'hex')
  bytes.swap32()
  if (bytes.length === 4) return { address: [...bytes].join('.'), port: Number.parseInt(port, 16), interface: null }
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16)).join(':')
  // The URL parser writes IPv6 in its canonical short form.
  const short = new URL(`http://[${groups}]/`).hostname.slice(1, -1)
  const mapped = short.startsWith('::ffff:') ? [...bytes.subarray(12)].join('.') : short
  return { address: mapped, port: Number.parseInt(port, 16), interface: null }
}

/** The rows of /proc/net/{tcp,tcp6,udp,udp6,raw,raw6} in `ns`. */
export async function procRows(ns: string, file: string): Promise<WitnessRow[]> {
  const { stdout } = await inNetns(ns, ['cat', `/proc/net/${file}`])
  const lines = stdout.split('\n').slice(1)
  return lines.filter(Boolean).map(text => {
    const field = text.trim().split(/\s+/)
    const [sendQueue, recvQueue] = field[4]!.split(':').map(hex => Number.parseInt(hex, 16))
    return {
      protocol: file.replace('6', ''),
      family: file.endsWith('6') ? 'inet6' : 'inet',
      type: null,
      state: PROC_STATES[Number.parseInt(field[3]!, 16)] ?? `state-${field[3]}`,
      local: procEnd(field[1]!),
      peer: procEnd(field[2]!),
      inode: Number(field[9]),
      cookie: null,
      recvQueue: recvQueue!,
      sendQueue: sendQueue!,
      text,
    }
  })
}

/** Inodes of a table of /proc/net whose `Inode` column is found by its head (unix, packet, netlink, ...). */
export async function procInodes(ns: string, file: string): Promise<number[]> {
  const { stdout } = await inNetns(ns, ['cat', `/proc/net/${file}`])
  const [head, ...lines] = stdout.split('\n')
  const column = head!.trim().split(/\s+/).indexOf('Inode')
  return lines.filter(Boolean).map(line => Number(line.trim().split(/\s+/)[column]))
}

/** `protocol state local peer inode` as one string, to compare sets of sockets. An interface is not part of it. */
export function rowKey(row: Pick<WitnessRow, 'protocol' | 'state' | 'local' | 'peer' | 'inode'>): string {
  const end = (side: WitnessEnd): string => `${side.address ?? '*'} ${side.port ?? '*'}`
  return `${row.protocol} ${row.state} ${end(row.local)} > ${end(row.peer)} ${row.inode ?? '?'}`
}
