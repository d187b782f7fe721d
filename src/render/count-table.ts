// Counts as a table: one column per key, then the count.

import type { Counts } from '../sockets/count.js'
import type { CountKey } from '../sockets/count-keys.js'
import { type CountValue, UNKNOWN_VALUE } from '../sockets/count-reader.js'
import { stateLabel } from '../sockets/states.js'
import { RowWriter } from './row-writer.js'

const STAR = 0x2a
const MINUS = 0x2d
const QUESTION = 0x3f

const HEADS: Readonly<Record<CountKey, string>> = {
  protocol: 'Netid',
  family: 'Family',
  state: 'State',
  local: 'Local',
  peer: 'Peer',
  'local-port': 'Local-Port',
  'peer-port': 'Peer-Port',
  process: 'Process',
  user: 'User',
  uid: 'UID',
  cgroup: 'Cgroup',
  netns: 'Netns',
  interface: 'Interface',
}

export interface CountTableOptions {
  header: boolean
  /** Text to show for an address instead of itself; null where there is none. */
  hostName: (address: string) => string | null
}

/** Writes the table. `write` takes chunks that are reused after the call. */
export function writeCountTable(counts: Counts, options: CountTableOptions, write: (bytes: Uint8Array) => void): void {
  const { keys, others } = counts
  const rows = new RowWriter(
    write,
    keys.map(() => 5),
    1,
  )
  if (options.header) {
    for (const key of keys) {
      rows.ascii(HEADS[key])
      rows.endCell()
    }
    rows.ascii('Count')
    rows.endRow()
  }
  counts.visit((values, count) => {
    for (let level = 0; level < keys.length; level++) {
      writeValue(rows, keys[level]!, values[level]!, options)
      rows.endCell()
    }
    rows.number(count)
    rows.endRow()
  })
  if (others !== null) {
    rows.ascii('(others)')
    for (const _ of keys) rows.endCell()
    rows.number(others.count)
    rows.endRow()
  }
  rows.flush()
}

function writeValue(rows: RowWriter, key: CountKey, value: CountValue, options: CountTableOptions): void {
  if (value === null) rows.byte(MINUS)
  else if (value === UNKNOWN_VALUE) rows.byte(QUESTION)
  else if (typeof value === 'string') {
    const address = key === 'local' || key === 'peer'
    rows.text((address ? options.hostName(value) : null) ?? value)
  } else if (key === 'state') rows.ascii(stateLabel(value))
  // As in a listing: no port is a star.
  else if (value === 0 && (key === 'local-port' || key === 'peer-port')) rows.byte(STAR)
  else rows.number(value)
}
