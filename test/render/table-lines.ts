// Lines of a socket table, and records to put into one.

import { expect } from 'vitest'
import { RowWriter } from '../../src/render/row-writer.js'
import { SocketTable, type TableOptions } from '../../src/render/socket-table.js'
import type { Protocol } from '../../src/sockets/constants.js'
import { decodeInet } from '../../src/sockets/diag/inet-diag.js'
import type { Decode } from '../../src/sockets/dump.js'
import type { SocketLookups } from '../../src/sockets/lookups.js'
import { SocketRecord } from '../../src/sockets/record.js'
import { type InetFields, inetMessage } from '../netlink/fake.js'
import { concat } from '../sockets/diag/build.js'
import { view } from '../sockets/diag/samples.js'
import { fakeLookups } from './lookups.js'

export const OPTIONS: TableOptions = {
  netid: false,
  state: true,
  queues: true,
  netns: false,
  numeric: true,
  processes: false,
  header: false,
  extras: null,
  details: null,
  oneLine: false,
}

/** Lines of a table with these records. */
export function lines(
  records: readonly SocketRecord[],
  options: Partial<TableOptions> = {},
  lookups: Partial<SocketLookups> = {},
): string[] {
  const parts: Buffer[] = []
  const all = { ...OPTIONS, ...options }
  const rows = new RowWriter(bytes => parts.push(Buffer.from(bytes)), SocketTable.minimumWidths(all), 1)
  const table = new SocketTable(rows, all, fakeLookups(lookups))
  table.header()
  for (const record of records) table.row(record)
  rows.flush()
  return Buffer.concat(parts).toString('utf8').split('\n').slice(0, -1)
}

/** The cells of one row. */
export const cells = (
  record: SocketRecord,
  options: Partial<TableOptions> = {},
  lookups?: Partial<SocketLookups>,
): string[] => lines([record], options, lookups)[0]!.split(/ +/)

export function decoded(bytes: Uint8Array, decode: Decode): SocketRecord {
  const record = new SocketRecord()
  expect(decode(view(bytes), 0, bytes.length, record)).toBe(true)
  return record
}

export const sample = (bytes: Uint8Array, protocol: Protocol = 'tcp'): SocketRecord =>
  decoded(bytes, (data, start, end, record) => decodeInet(data, start, end, protocol, record))
export const inet = (fields: InetFields, protocol: Protocol = 'tcp', ...attributes: Uint8Array[]): SocketRecord =>
  sample(concat(inetMessage({ inode: 1, ...fields }), ...attributes), protocol)
