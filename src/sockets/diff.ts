// What changed between two looks at the sockets: opened, closed, changed, and how fast bytes went.

import { INET_DIAG_INFO } from './diag/inet-diag.js'
import type { Decode, Visit } from './dump.js'
import { HeldRows } from './held-rows.js'
import type { Holder } from './model.js'
import { type SocketRecord, UNKNOWN } from './record.js'
import { socketDrops } from './socket-memory.js'
import { formatState, parseState, stateLabel, TIME_WAIT } from './states.js'
import { TABLES } from './tables.js'
import { TCP_INFO, type TcpInfoField } from './tcp-info.js'
import { cookieText } from './to-model.js'
import { readU64 } from './u64.js'

/** One field of a socket that is not what it was. Values are those of the model. */
export interface Change {
  field: string
  from: number | string | null
  to: number | string | null
}

/** Speed since the last look; null where the kernel does not tell. */
export interface Rates {
  sendBytesPerSecond: number | null
  receiveBytesPerSecond: number | null
  retransPerSecond: number | null
}

const known = (value: number): number | null => (value === UNKNOWN ? null : value)

function infoField(record: SocketRecord, field: TcpInfoField, width: 4 | 8): Change['from'] {
  // A listener has a tcp_info too, in which nothing of this is meant.
  if (record.protocol !== 'tcp' || record.isListener) return null
  const offset = TCP_INFO.offset[field]
  if (record.attributeLength(INET_DIAG_INFO) < offset + width) return null
  const at = record.attribute(INET_DIAG_INFO) + offset
  return width === 4 ? record.data.getUint32(at, true) : readU64(record.data, at)
}

interface Field {
  /** Key of the model. */
  name: string
  /** What a line of text calls it. */
  label: string
  read(record: SocketRecord): Change['from']
  /** Only looked at when tcp_info was asked for. */
  info?: true
}

/** What is compared, in the order in which it is told. */
const FIELDS: readonly Field[] = [
  { name: 'state', label: 'state', read: record => record.state },
  { name: 'recvQueue', label: 'recv-q', read: record => known(record.recvQueue) },
  { name: 'sendQueue', label: 'send-q', read: record => known(record.sendQueue) },
  { name: 'retransmits', label: 'retransmits', read: record => (record.timer <= 0 ? 0 : record.retransmits) },
  // A connection that gets an inode was accepted; one that loses it was closed by its program.
  { name: 'inode', label: 'inode', read: record => (record.inode === 0 ? null : record.inode) },
  { name: 'drops', label: 'drops', read: socketDrops },
  { name: 'bytesSent', label: 'sent', read: record => infoField(record, 'bytesSent', 8), info: true },
  { name: 'bytesReceived', label: 'received', read: record => infoField(record, 'bytesReceived', 8), info: true },
  {
    name: 'totalRetransSegments',
    label: 'retrans',
    read: record => infoField(record, 'totalRetransSegments', 4),
    info: true,
  },
]
const STATE = 0
const at = (name: string): number => FIELDS.findIndex(field => field.name === name)
const SENT = at('bytesSent')
const RECEIVED = at('bytesReceived')
const RETRANS = at('totalRetransSegments')

/** What is kept of one socket besides its message. */
export interface Look {
  /** Place in the snapshot. */
  row: number
  cookie: string | null
  /** Who it is when cookies do not tell. */
  identity: string
  /** TIME-WAIT, or an orphan kept like one: a record of its own in the kernel, which may have got a cookie of its own. */
  mini: boolean
  values: readonly Change['from'][]
  peerPath: string | null
  holders: readonly Holder[] | null
}

/** The 5-tuple, which is unique for a connection; with the inode where several sockets may share it. */
function identityOf(record: SocketRecord): string {
  const { netns, protocol, family, ifindex, localPort, peerPort } = record
  const local = `${record.local0}:${record.local1}:${record.local2}:${record.local3}:${localPort}`
  const peer = `${record.peer0}:${record.peer1}:${record.peer2}:${record.peer3}:${peerPort}`
  const inode = protocol === 'tcp' && peerPort !== 0 ? '' : record.inode
  return `${netns} ${protocol} ${family} ${ifindex} ${local} ${peer} ${inode}`
}

const decoders = new Map<string, Decode>()

/** How the record's message is read again. */
function decoderOf({ protocol, family }: SocketRecord): Decode {
  const key = `${protocol} ${family}`
  let decode = decoders.get(key)
  if (decode === undefined) {
    const table = TABLES.find(each => each.protocol === protocol && (!each.inet || each.family === family))
    decode = table?.request(0, { extensions: 0, bytecode: null }).decode ?? (() => false)
    decoders.set(key, decode)
  }
  return decode
}

/** The sockets of one look. */
export class Snapshot {
  private readonly rows = new HeldRows()
  readonly looks: Look[] = []
  /** Sockets by state label. */
  readonly states = new Map<string, number>()

  /** @param holders who holds the socket now; a later look can no longer tell for one that is gone */
  add(record: SocketRecord, holders: readonly Holder[] | null): void {
    const cookie = cookieText(record)
    this.rows.add(record, decoderOf(record))
    this.looks.push({
      row: this.looks.length,
      cookie: cookie === null ? null : `${record.netns} ${cookie}`,
      identity: identityOf(record),
      mini: record.state === TIME_WAIT || (record.timer === 3 && record.inode === 0),
      values: FIELDS.map(field => field.read(record)),
      peerPath: record.unix?.peerPath ?? null,
      holders,
    })
    const state = stateLabel(record.state)
    this.states.set(state, (this.states.get(state) ?? 0) + 1)
  }

  /** Hands out every socket in order, through `record`. */
  visit(record: SocketRecord, visit: (record: SocketRecord, look: Look) => void): void {
    let row = 0
    const each: Visit = current => {
      const look = this.looks[row++]!
      if (current.unix !== null) current.unix.peerPath = look.peerPath
      visit(current, look)
    }
    this.rows.visit(record, each)
  }
}

export interface Difference {
  /** Rows of the later snapshot that are new. */
  opened: Set<number>
  /** Rows of the earlier snapshot that are gone. */
  closed: Set<number>
  /** By row of the later snapshot. */
  changed: Map<number, Change[]>
  /** By row of the later snapshot; empty unless tcp_info is there. */
  rates: Map<number, Rates>
}

/** Of a first look. */
export function noDifference(): Difference {
  return { opened: new Set(), closed: new Set(), changed: new Map(), rates: new Map() }
}

/**
 * Compares two looks. A socket is the same when its cookie is. The 5-tuple decides where a side has no cookie (procfs), and
 * where a connection became a mini-socket before anybody had looked at it, which gives that one a new cookie.
 */
export function diffSnapshots(before: Snapshot, after: Snapshot, seconds: number): Difference {
  const difference = noDifference()
  const left = new Map<string, Look>()
  for (const look of before.looks) if (look.cookie !== null) left.set(look.cookie, look)
  const unmatched: Look[] = []
  for (const look of after.looks) {
    const same = look.cookie === null ? undefined : left.get(look.cookie)
    if (same === undefined) unmatched.push(look)
    else {
      left.delete(same.cookie!)
      compare(same, look, seconds, difference)
    }
  }
  const gone = new Map<string, Look[]>()
  for (const look of before.looks) {
    if (look.cookie !== null && !left.has(look.cookie)) continue
    const same = gone.get(look.identity)
    if (same) same.push(look)
    else gone.set(look.identity, [look])
  }
  for (const look of unmatched) {
    const candidates = gone.get(look.identity)
    const index = candidates?.findIndex(each => each.cookie === null || look.cookie === null || look.mini) ?? -1
    const [same] = index < 0 ? [] : candidates!.splice(index, 1)
    if (same === undefined) difference.opened.add(look.row)
    else compare(same, look, seconds, difference)
  }
  for (const looks of gone.values()) for (const look of looks) difference.closed.add(look.row)
  return difference
}

function compare(from: Look, to: Look, seconds: number, difference: Difference): void {
  const changes: Change[] = []
  for (let index = 0; index < FIELDS.length; index++) {
    const was = from.values[index]!
    const is = to.values[index]!
    // A mini-socket has no tcp_info: that it is no longer told is no change.
    if (was === is || (FIELDS[index]!.info && (was === null || is === null))) continue
    const state = index === STATE
    changes.push({
      field: FIELDS[index]!.name,
      from: state ? formatState(Number(was)) : was,
      to: state ? formatState(Number(is)) : is,
    })
  }
  if (changes.length > 0) difference.changed.set(to.row, changes)
  const perSecond = (index: number): number | null => {
    const was = from.values[index] ?? null
    const is = to.values[index] ?? null
    return was === null || is === null ? null : Math.max(Number(is) - Number(was), 0) / seconds
  }
  if (to.values[SENT] === null && to.values[RETRANS] === null) return
  difference.rates.set(to.row, {
    sendBytesPerSecond: perSecond(SENT),
    receiveBytesPerSecond: perSecond(RECEIVED),
    retransPerSecond: perSecond(RETRANS),
  })
}

/** `ESTAB->CLOSE-WAIT recv-q:0->5`: what a line of text says about a changed socket. */
export function formatChanges(changes: readonly Change[]): string {
  const words = changes.map(({ field, from, to }) => {
    if (field === 'state') return `${labelOf(from)}->${labelOf(to)}`
    const label = FIELDS.find(each => each.name === field)?.label ?? field
    return `${label}:${from ?? '-'}->${to ?? '-'}`
  })
  return words.join(' ')
}

function labelOf(word: Change['from']): string {
  const mask = parseState(String(word))
  return mask === null ? String(word) : stateLabel(31 - Math.clz32(mask))
}

/** `send:1.2MB/s receive:0B/s retrans:3/s`; empty where nothing is known. */
export function formatRates(rates: Rates): string {
  const words: string[] = []
  if (rates.sendBytesPerSecond !== null) words.push(`send:${formatSpeed(rates.sendBytesPerSecond)}`)
  if (rates.receiveBytesPerSecond !== null) words.push(`receive:${formatSpeed(rates.receiveBytesPerSecond)}`)
  if (rates.retransPerSecond !== null) words.push(`retrans:${Number(rates.retransPerSecond.toFixed(1))}/s`)
  return words.join(' ')
}

function formatSpeed(bytesPerSecond: number): string {
  let value = bytesPerSecond
  let unit = 0
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)}${units[unit]}/s`
}
