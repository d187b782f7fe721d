// ss as a witness: what netkit reads and prints of a namespace full of sockets, against what ss prints of the same sockets.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Protocol } from '../../../src/sockets/constants.js'
import { AF_INET, AF_INET6, IPPROTO_MPTCP, IPPROTO_TCP, IPPROTO_UDP } from '../../../src/sockets/constants.js'
import { decodeInet, encodeInetRequest } from '../../../src/sockets/diag/inet-diag.js'
import {
  decodeNetlink,
  encodeNetlinkRequest,
  formatNetlinkPort,
  formatNetlinkProtocol,
} from '../../../src/sockets/diag/netlink-diag.js'
import {
  decodePacket,
  encodePacketRequest,
  formatEthertype,
  formatPacketFilter,
} from '../../../src/sockets/diag/packet-diag.js'
import { decodeTipc, encodeTipcRequest } from '../../../src/sockets/diag/tipc-diag.js'
import { decodeUnix, encodeUnixRequest } from '../../../src/sockets/diag/unix-diag.js'
import { encodeVsockRequest } from '../../../src/sockets/diag/vsock-diag.js'
import { encodeXdpRequest } from '../../../src/sockets/diag/xdp-diag.js'
import { SocketRecord } from '../../../src/sockets/record.js'
import { ALL_STATES, stateLabel } from '../../../src/sockets/states.js'
import { formatExtended, formatInfo, formatMemory, formatSockopt, formatTimer, formatTos } from '../words.js'
import { view } from './samples.js'

type Decode = (data: DataView, start: number, end: number, record: SocketRecord) => boolean

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const inet = (family: number, protocol: number): string => {
  const request = hex(encodeInetRequest({ family, protocol, extensions: 0xff, states: ALL_STATES }))
  // INET_DIAG_REQ_PROTOCOL as a request attribute: length 8, number 3, u32.
  return protocol > 255 ? `${request}08000300${hex(new Uint8Array(new Uint32Array([protocol]).buffer))}` : request
}
const REQUESTS = {
  unix: hex(encodeUnixRequest({ states: ALL_STATES, memory: true })),
  packet: hex(encodePacketRequest()),
  netlink: hex(encodeNetlinkRequest()),
  vsock: hex(encodeVsockRequest({ states: ALL_STATES })),
  xdp: hex(encodeXdpRequest()),
  tipc: hex(encodeTipcRequest({ states: ALL_STATES })),
  tcp4: inet(AF_INET, IPPROTO_TCP),
  tcp6: inet(AF_INET6, IPPROTO_TCP),
  udp: inet(AF_INET, IPPROTO_UDP),
  mptcp: inet(AF_INET, IPPROTO_MPTCP),
}

interface Scene {
  dumps: Record<keyof typeof REQUESTS, string[] | string>
  ss: Record<string, string>
}

const missing = whatIsMissing()
if (missing !== null) console.warn(`skipped: ${missing}`)

function whatIsMissing(): string | null {
  if (process.getuid?.() !== 0) return 'the comparison with ss needs root (unshare -n)'
  for (const tool of ['unshare', 'python3', 'ss', 'ip']) {
    if (spawnSync('which', [tool]).status !== 0) return `the comparison with ss needs ${tool}`
  }
  return null
}

function records(scene: Scene, name: keyof typeof REQUESTS, decode: Decode): SocketRecord[] {
  const dump = scene.dumps[name]
  if (typeof dump === 'string') throw new Error(`${name}: ${dump}`)
  return dump.map(message => {
    const record = new SocketRecord()
    const data = view(message)
    expect(decode(data, 0, data.byteLength, record)).toBe(true)
    return record
  })
}

const lines = (text: string | undefined): string[] => (text ?? '').split('\n').filter(line => line.trim() !== '')
const blanks = (text: string): string => text.replace(/\s+/g, ' ').trim()

describe.skipIf(missing !== null)('beside ss', () => {
  let scene: Scene

  beforeAll(() => {
    const script = fileURLToPath(new URL('scene.py', import.meta.url))
    const run = spawnSync('unshare', ['-n', 'python3', script], { input: JSON.stringify(REQUESTS), encoding: 'utf8' })
    if (run.status !== 0) throw new Error(run.stderr)
    scene = JSON.parse(run.stdout)
  })

  test('unix sockets have the type, state, queues, names, inodes, peers, memory and shutdown that ss shows', () => {
    const ours = records(scene, 'unix', decodeUnix)
    const paths = new Map(ours.map(({ inode, unix }) => [inode, unix?.path ?? null]))
    for (const { unix } of ours) if (unix?.peerInode) unix.peerPath = paths.get(unix.peerInode) ?? null
    const types: Record<number, string> = { 1: 'u_str', 2: 'u_dgr', 5: 'u_seq' }
    const text = ours.map(record => {
      const part = record.unix!
      const head = `${types[record.type]} ${stateLabel(record.state)} ${record.recvQueue} ${record.sendQueue}`
      const ends = `${part.path ?? '*'} ${record.inode} * ${part.peerInode ?? 0}`
      // ss splits the device number as glibc does, not as the kernel sends it: 254/0 comes out as 0/65024.
      const extended = formatExtended(record).replace(/dev:\S+/, 'dev')
      return blanks(`${head} ${ends} ${formatMemory(record)} ${extended}`)
    })
    const theirs = lines(scene.ss['unix']).map(line => blanks(line.replace(/dev:\S+/, 'dev')))
    expect(text.sort()).toEqual(theirs.sort())
    const client = ours.find(record => record.unix?.path === null && record.unix.peerPath?.startsWith('/'))
    expect(client?.unix?.peerPath).toContain('a \x1b[31mé.sock')
  })

  test('packet sockets have the ethertype, inode, cookie, flags, ring, fanout, filter and memory that ss shows', () => {
    const text = records(scene, 'packet', decodePacket).map(record => {
      const kind = record.type === 3 ? 'p_raw' : 'p_dgr'
      // The drops are named after ss's words; this socket sees all of loopback and reads nothing.
      const memory = formatMemory(record).replace(/ drops:\d+$/, '')
      const place = `${formatEthertype(record.packet!.ethertype)}:${record.ifindex === 0 ? '*' : 'lo'}`
      const head = `${kind} ${stateLabel(record.state)} ${record.recvQueue} ${record.sendQueue} ${place} *`
      return blanks(`${head} ${formatExtended(record)} ${formatPacketFilter(record)} ${memory}`)
    })
    expect(text.sort()).toEqual(lines(scene.ss['packet']).map(blanks).sort())
    const numeric = records(scene, 'packet', decodePacket).map(r => formatEthertype(r.packet!.ethertype, true))
    const theirs = lines(scene.ss['packet-numeric']).map(line => blanks(line).split(' ')[4]!.split(':')[0]!)
    expect(numeric.sort()).toEqual(theirs.sort())
  })

  test('netlink sockets have the protocol, port, peer, groups and memory that ss shows', () => {
    const text = records(scene, 'netlink', decodeNetlink).map(record => {
      const part = record.netlink!
      const place = `${formatNetlinkProtocol(part.protocol)}:${formatNetlinkPort(part.portId)}`
      const peer = part.connected ? `${part.peerGroup}:${part.peerPortId}` : '*'
      const groups = formatExtended(record).replace(/sk=\S+ /, '')
      return `${stateLabel(record.state)} ${place} ${peer} ${groups} ${formatMemory(record)}`
    })
    const ours = text.filter(isOurs)
    // ss looks port ids up as process ids (python3/5648), and prints neither cookie nor callback.
    const theirs = lines(scene.ss['netlink']).map(line =>
      blanks(line)
        .replace(/^(\S+) \d+ \d+/, '$1')
        .replace(/:[^ :/]+\/(\d+) /, ':$1 ')
        .replace(/sk=0 cb=0 /, ''),
    )
    expect(ours.sort()).toEqual(theirs.filter(isOurs).sort())
    expect(ours.length).toBeGreaterThanOrEqual(6)
  })

  test('every token that ss prints for a TCP socket is printed with the same value', () => {
    const ours = inetRecords(scene, ['tcp4', 'tcp6'], 'tcp')
    const theirs = socketsOfSs(scene.ss['tcp'])
    expect(theirs.size).toBe(ours.size)
    let compared = 0
    for (const [key, record] of ours) {
      const text = inetText(record, true)
      compared += expectTokens(theirs.get(key), text, record)
    }
    expect(compared).toBeGreaterThan(200)
  })

  test('rates have the three digits that ss gives them without -n', () => {
    const theirs = lines(scene.ss['tcp-rates']).flatMap(line => line.match(/(?:send|_rate|bw:)\s?\S+bps/g) ?? [])
    const ours = [...inetRecords(scene, ['tcp4', 'tcp6'], 'tcp').values()]
    const text = ours.flatMap(record => formatInfo(record).match(/(?:send|_rate|bw:)\s?\S+bps/g) ?? [])
    expect(text.sort()).toEqual(theirs.sort())
  })

  test('UDP and MPTCP sockets show the same words as in ss', () => {
    for (const [name, protocol] of [
      ['udp', 'udp'],
      ['mptcp', 'mptcp'],
    ] as const) {
      const ours = inetRecords(scene, [name], protocol)
      const theirs = socketsOfSs(scene.ss[name])
      expect(theirs.size).toBe(ours.size)
      for (const [key, record] of ours) expectTokens(theirs.get(key), inetText(record, false), record)
    }
    const [udp] = inetRecords(scene, ['udp'], 'udp').values()
    expect(formatMemory(udp!)).toMatch(/,d(\d+)\) drops:\1$/)
  })

  test('a family that the kernel lacks answers ENOENT, and no request is malformed', () => {
    for (const name of ['vsock', 'xdp', 'tipc'] as const) {
      const dump = scene.dumps[name]
      if (typeof dump === 'string') expect(dump).toBe('errno 2')
    }
    expect(decodeTipc(view(''), 0, 0, new SocketRecord())).toBe(false)
  })
})

/** The kernel's diag socket and the two dumpers themselves differ between the two dumps. */
const isOurs = (line: string): boolean => !line.includes('tcpdiag:')

function inetRecords(scene: Scene, names: (keyof Scene['dumps'])[], protocol: Protocol): Map<string, SocketRecord> {
  const all = names.flatMap(name =>
    records(scene, name, (data, start, end, record) => decodeInet(data, start, end, protocol, record)),
  )
  return new Map(all.map(record => [`${record.localPort}>${record.peerPort}`, record]))
}

/** Lines of ss keyed by ports, reduced to what follows the addresses. */
function socketsOfSs(text: string | undefined): Map<string, string> {
  return new Map(
    lines(text).map(line => {
      const match = /^\S+\s+\d+\s+\d+\s+\S+:(\S+)\s+\S+:(\S+)\s*(.*)$/.exec(line)!
      return [`${match[1]}>${match[2] === '*' ? 0 : match[2]}`, match[3]!]
    }),
  )
}

function inetText(record: SocketRecord, tos: boolean): string {
  const parts = [formatTimer(record), formatExtended(record, '/'), tos ? formatTos(record) : '']
  if (tos) parts.push(formatSockopt(record))
  parts.push(formatMemory(record), formatInfo(record, { numeric: true, options: true }))
  return blanks(parts.join(' '))
}

/** Tokens of the same moment differ by the milliseconds between the two dumps. */
const CLOCKS =
  /^(lastsnd|lastrcv|lastack|busy|rwnd_limited|sndbuf_limited|last_data_sent|last_data_recv|last_ack_recv):(\d+)/

/** Checks that every token of ss is among ours, in ss's order; gives how many there were. */
function expectTokens(theirs: string | undefined, ours: string, record: SocketRecord): number {
  expect(theirs).toBeDefined()
  const mine = tokens(ours)
  let last = -1
  const wanted = tokens(theirs!).filter(token => !(record.isListener && /^(unacked|sacked):/.test(token)))
  for (const token of wanted) {
    const clock = CLOCKS.exec(token)
    const at = mine.findIndex((candidate, index) => {
      if (index <= last) return false
      if (clock === null) return candidate === token
      const same = CLOCKS.exec(candidate)
      return same?.[1] === clock[1] && Math.abs(Number(same![2]) - Number(clock[2])) < 1500
    })
    expect(at, `${token} of ss\n${theirs}\nis not at its place in\n${ours}`).toBeGreaterThan(last)
    last = at
  }
  return wanted.length
}

/** Words; a rate belongs to the word before it, the timer's time (which runs) is left out. */
function tokens(text: string): string[] {
  return blanks(text)
    .replace(/(send|pacing_rate|delivery_rate) /g, '$1=')
    .replace(/timer:\((\w+),[^,]*,(\d+)\)/, 'timer:($1,$2)')
    .replace(/ cgroup:\S+/g, '')
    .split(' ')
}
