// What sockets can be counted by: each key of a record as a small number, and what such a number means.

import { formatIpv4, formatIpv6, isMapped } from '../bytes/address.js'
import { AF_INET, AF_INET6, formatFamily, PROTOCOLS } from './constants.js'
import { type CountValue, KeyReader, NONE, NUMBER, TEXT, UNTOLD, WORDS } from './count-reader.js'
import { cgroupId } from './details.js'
import { INET_DIAG_CGROUP_ID } from './diag/inet-diag.js'
import { isUnaccepted } from './listeners.js'
import type { SocketLookups } from './lookups.js'
import type { Holder } from './model.js'
import { PairTable } from './pair-table.js'
import { type SocketRecord, UNKNOWN } from './record.js'
import { isInet, localEnd, peerEnd } from './to-model.js'

/** Words of `--count-by`. */
export const COUNT_KEYS = [
  'protocol',
  'family',
  'state',
  'local',
  'peer',
  'local-port',
  'peer-port',
  'process',
  'user',
  'uid',
  'cgroup',
  'netns',
  'interface',
] as const

export type CountKey = (typeof COUNT_KEYS)[number]

class StateReader extends KeyReader {
  override read(record: SocketRecord): number {
    return record.state
  }
}

class ProtocolReader extends KeyReader {
  override read(record: SocketRecord): number {
    return PROTOCOLS.indexOf(record.protocol)
  }

  protected override number(code: number): string {
    return PROTOCOLS[code]!
  }
}

class FamilyReader extends KeyReader {
  override read(record: SocketRecord): number {
    return record.family
  }

  protected override number(code: number): string {
    return formatFamily(code)
  }
}

/** IPv4 addresses are numbers, IPv6 addresses chains of four words; a mapped address is the IPv4 address in it. */
class AddressReader extends KeyReader {
  private readonly local: boolean
  private readonly words = new PairTable()

  constructor(local: boolean) {
    super()
    this.local = local
  }

  override read(record: SocketRecord): number {
    const { family } = record
    this.tag = NUMBER
    if (family === AF_INET) return this.local ? record.local0 : record.peer0
    if (family !== AF_INET6) return this.text((this.local ? localEnd(record, null) : peerEnd(record)).address)
    return this.local
      ? this.inet6(record.local0, record.local1, record.local2, record.local3)
      : this.inet6(record.peer0, record.peer1, record.peer2, record.peer3)
  }

  private inet6(w0: number, w1: number, w2: number, w3: number): number {
    if (isMapped(w0, w1, w2)) return w3
    this.tag = WORDS
    const { words } = this
    return words.child(words.child(words.child(words.child(0, w0), w1), w2), w3)
  }

  private word(code: number, index: number): number {
    const { parents, codes } = this.words
    let node = code
    for (let at = 3; at > index; at--) node = parents[node]!
    return codes[node]!
  }

  protected override number(code: number): string {
    return formatIpv4(code)
  }

  override value(tag: number, code: number): CountValue {
    if (tag !== WORDS) return super.value(tag, code)
    return formatIpv6(this.word(code, 0), this.word(code, 1), this.word(code, 2), this.word(code, 3))
  }

  override compare(tag: number, a: number, b: number): number {
    if (tag !== WORDS) return super.compare(tag, a, b)
    for (let index = 0; index < 4; index++) {
      const order = (this.word(a, index) >>> 0) - (this.word(b, index) >>> 0)
      if (order !== 0) return order
    }
    return 0
  }
}

class PortReader extends KeyReader {
  private readonly local: boolean

  constructor(local: boolean) {
    super()
    this.local = local
  }

  override read(record: SocketRecord): number {
    this.tag = NUMBER
    if (isInet(record)) return this.local ? record.localPort : record.peerPort
    const { port } = this.local ? localEnd(record, null) : peerEnd(record)
    return port === null ? this.nothing(NONE) : port | 0
  }
}

/** Mini-sockets (TIME-WAIT, half-open) have no owner; other sockets have one, which not every source tells. */
const ownerless = (record: SocketRecord): boolean => isInet(record) && record.inode === 0

class UidReader extends KeyReader {
  override read(record: SocketRecord): number {
    this.tag = NUMBER
    if (record.uid !== UNKNOWN) return record.uid | 0
    return this.nothing(ownerless(record) ? NONE : UNTOLD)
  }
}

/** A uid without a name is counted under its number, as ls(1) shows it. */
class UserReader extends UidReader {
  private readonly lookups: SocketLookups
  private readonly codes = new Map<number, number>()

  constructor(lookups: SocketLookups) {
    super()
    this.lookups = lookups
  }

  override read(record: SocketRecord): number {
    const uid = super.read(record)
    if (this.tag !== NUMBER) return uid
    this.tag = TEXT
    let code = this.codes.get(uid)
    if (code === undefined) {
      code = this.text(this.lookups.userName(uid >>> 0) ?? String(uid >>> 0))
      this.codes.set(uid, code)
    }
    return code
  }
}

class CgroupReader extends KeyReader {
  private readonly lookups: SocketLookups
  private readonly ids = new PairTable()
  /** Code of the text by node of the 64-bit id. */
  private readonly codes: number[] = []

  constructor(lookups: SocketLookups) {
    super()
    this.lookups = lookups
  }

  override read(record: SocketRecord): number {
    if (!isInet(record) || record.attributeLength(INET_DIAG_CGROUP_ID) < 8)
      return this.nothing(ownerless(record) && record.uid === UNKNOWN ? NONE : UNTOLD)
    const at = record.attribute(INET_DIAG_CGROUP_ID)
    const high = this.ids.child(0, record.data.getInt32(at + 4, true))
    const node = this.ids.child(high, record.data.getInt32(at, true))
    this.tag = TEXT
    let code = this.codes[node]
    if (code === undefined) {
      code = this.text(this.lookups.cgroupPath(cgroupId(record)!))
      this.codes[node] = code
    }
    return code
  }
}

class NetnsReader extends KeyReader {
  private readonly lookups: SocketLookups

  constructor(lookups: SocketLookups) {
    super()
    this.lookups = lookups
  }

  override read(record: SocketRecord): number {
    return this.text(this.lookups.netnsLabel(record.netns))
  }
}

/** Interfaces by name: eth0 of one namespace and of another are one group unless netns is a key too. */
class InterfaceReader extends KeyReader {
  private readonly lookups: SocketLookups
  private readonly indexes = new PairTable()
  private readonly codes: number[] = []

  constructor(lookups: SocketLookups) {
    super()
    this.lookups = lookups
  }

  override read(record: SocketRecord): number {
    const { netns, ifindex } = record
    if (ifindex === 0) return this.nothing(record.source === 'procfs' && isInet(record) ? UNTOLD : NONE)
    const node = this.indexes.child(netns, ifindex | 0)
    this.tag = TEXT
    let code = this.codes[node]
    if (code === undefined) {
      code = this.text(this.lookups.interfaceName(netns, ifindex))
      this.codes[node] = code
    }
    return code
  }
}

/** Who holds a socket, as `name/pid`; a socket of several processes is counted once, under all of them. */
class ProcessReader extends KeyReader {
  private readonly lookups: SocketLookups
  /** Codes of single holders, by pid. */
  private readonly single = new Map<number, number>()

  constructor(lookups: SocketLookups) {
    super()
    this.lookups = lookups
  }

  override read(record: SocketRecord): number {
    const holders = this.lookups.holders(record)
    if (holders === null) return this.nothing(UNTOLD)
    const [first] = holders
    // A socket with an inode, or in an accept queue, is held by somebody, who is just not visible from here.
    if (first === undefined) return this.nothing(record.inode !== 0 || isUnaccepted(record) ? UNTOLD : NONE)
    for (const { pid } of holders) if (pid !== first.pid) return this.text(namesOf(holders))
    this.tag = TEXT
    let code = this.single.get(first.pid)
    if (code === undefined) {
      code = this.text(`${first.name}/${first.pid}`)
      this.single.set(first.pid, code)
    }
    return code
  }
}

function namesOf(holders: readonly Holder[]): string {
  const names = new Map(holders.map(({ pid, name }) => [pid, name]))
  return [...names]
    .sort(([a], [b]) => a - b)
    .map(([pid, name]) => `${name}/${pid}`)
    .join(',')
}

export function keyReader(key: CountKey, lookups: SocketLookups): KeyReader {
  switch (key) {
    case 'protocol':
      return new ProtocolReader()
    case 'family':
      return new FamilyReader()
    case 'state':
      return new StateReader()
    case 'local':
    case 'peer':
      return new AddressReader(key === 'local')
    case 'local-port':
    case 'peer-port':
      return new PortReader(key === 'local-port')
    case 'process':
      return new ProcessReader(lookups)
    case 'user':
      return new UserReader(lookups)
    case 'uid':
      return new UidReader()
    case 'cgroup':
      return new CgroupReader(lookups)
    case 'netns':
      return new NetnsReader(lookups)
    case 'interface':
      return new InterfaceReader(lookups)
  }
}
