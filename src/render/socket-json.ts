// One socket as JSON text, made without the model object where only plain fields are there.

import { AF_INET, AF_INET6 } from '../sockets/constants.js'
import {
  cgroupId,
  INET_DIAG_CLASS_ID,
  INET_DIAG_SKV6ONLY,
  INET_DIAG_SOCKOPT,
  socketMark,
  socketOptions,
  socketTimer,
} from '../sockets/details.js'
import {
  INET_DIAG_CGROUP_ID,
  INET_DIAG_CONG,
  INET_DIAG_INFO,
  INET_DIAG_MEMINFO,
  INET_DIAG_SHUTDOWN,
  INET_DIAG_SKMEMINFO,
  INET_DIAG_TCLASS,
  INET_DIAG_TOS,
} from '../sockets/diag/inet-diag.js'
import type { SocketLookups } from '../sockets/lookups.js'
import { type SocketRecord, UNKNOWN } from '../sockets/record.js'
import { formatState, LISTENING } from '../sockets/states.js'
import { addressText, cookieText, toSocket } from '../sockets/to-model.js'
import { INET_DIAG_ULP_INFO } from '../sockets/ulp-info.js'

/** What has a part of the model of its own, or is rare. */
const UNCOMMON = [
  INET_DIAG_MEMINFO,
  INET_DIAG_INFO,
  INET_DIAG_CONG,
  INET_DIAG_TOS,
  INET_DIAG_TCLASS,
  INET_DIAG_SKMEMINFO,
  INET_DIAG_CLASS_ID,
  INET_DIAG_ULP_INFO,
]

/** Words that many sockets share, as JSON, by the number they stand for. */
class WordCache {
  private readonly words = new Map<number, string>()

  get(key: number, make: () => unknown): string {
    let word = this.words.get(key)
    if (word === undefined) {
      word = JSON.stringify(make() ?? null)
      this.words.set(key, word)
    }
    return word
  }
}

/** Writes sockets as JSON, the same text as `JSON.stringify(toSocket(record, lookups))`. */
export class SocketJson {
  private readonly lookups: SocketLookups
  private readonly users = new WordCache()
  private readonly cgroups = new WordCache()
  private readonly options = new WordCache()
  private readonly netns = new WordCache()

  constructor(lookups: SocketLookups) {
    this.lookups = lookups
  }

  /** JSON text of one socket on one line. */
  text(record: SocketRecord): string {
    if (!isPlain(record)) return JSON.stringify(toSocket(record, this.lookups))
    const { lookups } = this
    const { family, uid, inode, ifindex } = record
    const name = ifindex === 0 ? 'null' : JSON.stringify(lookups.interfaceName(record.netns, ifindex))
    const local = addressText(family, record.local0, record.local1, record.local2, record.local3)
    const peer = addressText(family, record.peer0, record.peer1, record.peer2, record.peer3)
    const holders = lookups.holders(record)
    return (
      `{"protocol":"${record.protocol}","family":"${family === AF_INET6 ? 'inet6' : 'inet'}","type":null,` +
      `"state":"${formatState(record.state)}","recvQueue":${record.recvQueue},"sendQueue":${record.sendQueue},` +
      `"acceptQueue":null,"local":{"address":"${local}","port":${record.localPort},"interface":${name}},` +
      `"peer":{"address":"${peer}","port":${record.peerPort},"interface":null},"path":null,"peerInode":null,` +
      `"netns":${this.netns.get(record.netns, () => lookups.netnsLabel(record.netns))},"interface":${name},` +
      `"uid":${uid === UNKNOWN ? 'null' : uid},` +
      `"user":${uid === UNKNOWN ? 'null' : this.users.get(uid, () => lookups.userName(uid))},` +
      `"inode":${inode === 0 ? 'null' : inode},"cookie":${cookieJson(record)},"mark":${socketMark(record)},` +
      `"cgroup":${this.cgroup(record)},"timer":${JSON.stringify(socketTimer(record))},` +
      `"processes":${holders === null ? 'null' : JSON.stringify(holders)},"peerProcesses":null,` +
      `"memory":null,"tcp":null,"options":${this.optionsOf(record)},"drops":null}`
    )
  }

  private cgroup(record: SocketRecord): string {
    if (record.attributeLength(INET_DIAG_CGROUP_ID) < 8) return 'null'
    const at = record.attribute(INET_DIAG_CGROUP_ID)
    const high = record.data.getUint32(at + 4, true)
    // Beyond 2^53 numbers run together, and ids that large are rare.
    if (high >= 2 ** 21) return JSON.stringify(this.lookups.cgroupPath(cgroupId(record)!))
    const key = high * 2 ** 32 + record.data.getUint32(at, true)
    return this.cgroups.get(key, () => this.lookups.cgroupPath(cgroupId(record)!))
  }

  /** Options are a few bits, so that the same few texts serve all sockets. */
  private optionsOf(record: SocketRecord): string {
    const { data } = record
    const byteAt = (type: number, index: number): number =>
      record.attributeLength(type) > index ? data.getUint8(record.attribute(type) + index) + 1 : 0
    const key =
      ((byteAt(INET_DIAG_SHUTDOWN, 0) * 512 + byteAt(INET_DIAG_SKV6ONLY, 0)) * 512 + byteAt(INET_DIAG_SOCKOPT, 0)) *
        512 +
      byteAt(INET_DIAG_SOCKOPT, 1)
    // A family of 6 says v6only where 4 has none.
    return this.options.get(record.family === AF_INET6 ? key : -1 - key, () => socketOptions(record))
  }
}

/** TCP and UDP sockets from netlink without the parts that flags ask for. */
function isPlain(record: SocketRecord): boolean {
  const { protocol, family } = record
  if (family !== AF_INET && family !== AF_INET6) return false
  if (record.source !== 'netlink' || record.state === LISTENING || (protocol !== 'tcp' && protocol !== 'udp'))
    return false
  for (const type of UNCOMMON) if (record.attribute(type) >= 0) return false
  return true
}

function cookieJson(record: SocketRecord): string {
  const cookie = cookieText(record)
  return cookie === null ? 'null' : `"${cookie}"`
}

/** JSON text of one socket, for those who have only one. */
export function socketJson(record: SocketRecord, lookups: SocketLookups): string {
  return new SocketJson(lookups).text(record)
}
