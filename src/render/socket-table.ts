// Sockets as a table in ss's columns and words, row by row from the record into bytes.

import { formatIpv4, formatIpv6, isMapped } from '../bytes/address.js'
import type { TextSink } from '../bytes/text-sink.js'
import { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET } from '../sockets/constants.js'
import { formatNetlinkPort, formatNetlinkProtocol } from '../sockets/diag/netlink-diag.js'
import { formatEthertype } from '../sockets/diag/packet-diag.js'
import { isUnaccepted } from '../sockets/listeners.js'
import type { SocketLookups } from '../sockets/lookups.js'
import type { Holder } from '../sockets/model.js'
import { type SocketRecord, UNKNOWN } from '../sockets/record.js'
import { LISTENING, stateLabel } from '../sockets/states.js'
import type { RowWriter } from './row-writer.js'

const INET_DIAG_SKV6ONLY = 11
const COLON = 0x3a
const STAR = 0x2a
const SLASH = 0x2f
const SPACE = 0x20
const TAB = 0x09

/** Writes words about a socket, each with a blank behind it. */
export type WriteWords = (record: SocketRecord, sink: TextSink) => void

/** What a table shows. */
export interface TableOptions {
  netid: boolean
  state: boolean
  queues: boolean
  netns: boolean
  /** Numbers instead of service, protocol and kernel names. */
  numeric: boolean
  processes: boolean
  header: boolean
  /** Words after the addresses on the same line: timers, owner, options. */
  extras: WriteWords | null
  /** A second line below the row: memory, TCP internals. */
  details: WriteWords | null
  /** Everything of a socket on one line. */
  oneLine: boolean
  /** Host names instead of addresses, where the lookups have them. */
  resolve?: boolean
}

/** Writes the header and rows of a socket table. */
export class SocketTable {
  private readonly rows: RowWriter
  private readonly options: TableOptions
  private readonly lookups: SocketLookups

  constructor(rows: RowWriter, options: TableOptions, lookups: SocketLookups) {
    this.rows = rows
    this.options = options
    this.lookups = lookups
  }

  /** Least widths of the padded columns for these options, in order. */
  static minimumWidths(options: TableOptions): number[] {
    const widths: number[] = []
    if (options.netns) widths.push(5)
    if (options.netid) widths.push(5)
    if (options.state) widths.push(6)
    if (options.queues) widths.push(6, 6)
    widths.push(18, 17)
    return widths
  }

  header(): void {
    const { rows, options } = this
    if (!options.header) return
    const cell = (text: string): void => {
      rows.ascii(text)
      rows.endCell()
    }
    if (options.netns) cell('Netns')
    if (options.netid) cell('Netid')
    if (options.state) cell('State')
    if (options.queues) {
      cell('Recv-Q')
      cell('Send-Q')
    }
    cell('Local Address:Port')
    cell('Peer Address:Port')
    if (options.processes) rows.ascii('Process')
    rows.endRow()
  }

  row(record: SocketRecord): void {
    const { rows, options } = this
    if (options.netns) {
      rows.text(this.lookups.netnsLabel(record.netns) ?? '-')
      rows.endCell()
    }
    if (options.netid) {
      rows.ascii(netid(record))
      rows.endCell()
    }
    if (options.state) {
      rows.ascii(stateLabel(record.state))
      rows.endCell()
    }
    if (options.queues) {
      this.queue(record.recvQueue)
      this.queue(record.sendQueue)
    }
    this.addresses(record)
    this.last(record)
    rows.endRow()
    if (options.details !== null && !options.oneLine) this.below(record, options.details)
  }

  private queue(length: number): void {
    if (length === UNKNOWN) this.rows.byte(0x3f)
    else this.rows.number(length)
    this.rows.endCell()
  }

  private addresses(record: SocketRecord): void {
    const { rows } = this
    if (record.family === AF_INET || record.family === AF_INET6) {
      this.inetAddress(record, record.local0, record.local1, record.local2, record.local3, true)
      this.inetPort(record, record.localPort, true)
      rows.endCell()
      this.inetAddress(record, record.peer0, record.peer1, record.peer2, record.peer3, false)
      this.inetPort(record, record.peerPort, false)
      rows.endCell()
    } else if (record.unix !== null) {
      this.unixEnd(record.unix.path, record.inode)
      this.unixEnd(record.unix.peerPath, record.unix.peerInode ?? 0)
    } else if (record.netlink !== null) {
      const { protocol, portId, peerPortId, connected } = record.netlink
      const numeric = this.options.numeric
      rows.text(`${numeric ? protocol : formatNetlinkProtocol(protocol)}:${formatNetlinkPort(portId, numeric)}`)
      rows.endCell()
      rows.text(connected ? formatNetlinkPort(peerPortId, numeric) : '*')
      rows.endCell()
    } else if (record.packet !== null) {
      const name = record.ifindex === 0 ? '*' : this.lookups.interfaceName(record.netns, record.ifindex)
      rows.text(`${formatEthertype(record.packet.ethertype, this.options.numeric)}:${name}`)
      rows.endCell()
      rows.byte(STAR)
      rows.endCell()
    } else {
      this.otherEnd(record.other?.localAddress ?? '*', record.other?.localPort ?? null)
      this.otherEnd(record.other?.peerAddress ?? '*', record.other?.peerPort ?? null)
    }
  }

  private inetAddress(record: SocketRecord, w0: number, w1: number, w2: number, w3: number, local: boolean): void {
    const { rows } = this
    if (record.family === AF_INET) this.host(w0)
    else if (w0 === 0 && w1 === 0 && w2 === 0 && w3 === 0)
      rows.ascii(isV6Only(record) || isBoundToV6(record) ? '[::]' : '*')
    else if (isMapped(w0, w1, w2)) this.host(w3)
    else {
      const address = formatIpv6(w0, w1, w2, w3)
      const name = this.options.resolve ? this.lookups.hostName(address) : null
      if (name === null) rows.ascii(`[${address}]`)
      else rows.text(name)
    }
    if (local && record.ifindex !== 0) {
      rows.byte(0x25)
      rows.text(this.lookups.interfaceName(record.netns, record.ifindex))
    }
  }

  private host(word: number): void {
    const name = this.options.resolve ? this.lookups.hostName(formatIpv4(word)) : null
    if (name === null) this.rows.ipv4(word)
    else this.rows.text(name)
  }

  private inetPort(record: SocketRecord, port: number, local: boolean): void {
    const { rows, options } = this
    rows.byte(COLON)
    if (record.protocol === 'raw' && local) {
      const number = record.rawProtocol || port
      const name = options.numeric ? null : this.lookups.ipProtocol(number)
      if (number === 0) rows.byte(STAR)
      else if (name === null) rows.number(number)
      else rows.text(name)
      return
    }
    if (port === 0) {
      rows.byte(STAR)
      return
    }
    const service = options.numeric ? null : this.lookups.service(record.protocol, port)
    if (service === null) rows.number(port)
    else rows.text(service)
  }

  private unixEnd(path: string | null, inode: number): void {
    if (path === null) this.rows.byte(STAR)
    else this.rows.text(path)
    this.rows.byte(SPACE)
    this.rows.number(inode)
    this.rows.endCell()
  }

  private otherEnd(address: string, port: number | null): void {
    this.rows.text(address)
    this.rows.byte(COLON)
    if (port === null) this.rows.byte(STAR)
    else this.rows.number(port >>> 0)
    this.rows.endCell()
  }

  private last(record: SocketRecord): void {
    const { rows, options, lookups } = this
    const start = rows.position
    if (options.processes) {
      writeHolders('users', lookups.holders(record), rows)
      writeHolders('peer', lookups.peerHolders(record), rows)
    }
    if (record.state === LISTENING && record.sendQueue !== UNKNOWN) writeAcceptQueue(record, rows)
    else if (isUnaccepted(record)) rows.ascii('unaccepted ')
    options.extras?.(record, rows)
    if (options.oneLine) options.details?.(record, rows)
    if (rows.position > start) rows.back()
  }

  private below(record: SocketRecord, details: WriteWords): void {
    const { rows } = this
    rows.byte(TAB)
    const start = rows.position
    details(record, rows)
    const empty = rows.position === start
    // The blank after the last word, or the tab before none.
    rows.back()
    if (!empty) rows.endRow()
  }
}

/** `accept:3/2 FULL`: connections waiting for accept(2), and the limit. The kernel takes one more than the limit. */
function writeAcceptQueue(record: SocketRecord, sink: TextSink): void {
  const { recvQueue: length, sendQueue: limit } = record
  sink.ascii('accept:')
  sink.number(length)
  sink.byte(SLASH)
  sink.number(limit)
  sink.ascii(length > limit ? ' FULL ' : ' ')
}

/** `users:(("name",pid=1,fd=3))`, as ss prints holders; nothing for none. */
function writeHolders(label: string, holders: readonly Holder[] | null, sink: TextSink): void {
  if (holders === null || holders.length === 0) return
  const each = holders.map(({ name, pid, fd }) => `("${name}",pid=${pid},fd=${fd})`)
  sink.text(`${label}:(${each.join(',')}) `)
}

/** What ss calls a socket in its first column. */
export function netid(record: SocketRecord): string {
  const { protocol, type } = record
  if (protocol === 'unix') return type === SOCK_DGRAM ? 'u_dgr' : type === SOCK_SEQPACKET ? 'u_seq' : 'u_str'
  if (protocol === 'packet') return type === SOCK_RAW ? 'p_raw' : 'p_dgr'
  if (protocol === 'vsock') return type === SOCK_DGRAM ? 'v_dgr' : 'v_str'
  if (protocol === 'netlink') return 'nl'
  return protocol
}

/** The kernel makes such a socket v6only (net/ipv6/af_inet6.c, __inet6_bind), which procfs does not tell. */
function isBoundToV6({ source, local0, local1, local2, local3 }: SocketRecord): boolean {
  return source === 'procfs' && (local0 | local1 | local2 | local3) !== 0 && !isMapped(local0, local1, local2)
}

function isV6Only(record: SocketRecord): boolean {
  if (record.attributeLength(INET_DIAG_SKV6ONLY) < 1) return false
  return record.data.getUint8(record.attribute(INET_DIAG_SKV6ONLY)) !== 0
}
