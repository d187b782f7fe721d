// Damaged answers of every family through everything that reads or shows them: nothing throws or hangs, and no control
// character comes out. FUZZ_SECONDS bounds the time, FUZZ_RUNS the runs; FUZZ_SEED repeats one.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RowWriter } from '../../src/render/row-writer.js'
import { SocketJson } from '../../src/render/socket-json.js'
import { SocketTable } from '../../src/render/socket-table.js'
import * as words from '../../src/sockets/details-text.js'
import { dumpSockets } from '../../src/sockets/dump.js'
import { HeldRows } from '../../src/sockets/held-rows.js'
import { SocketRecord } from '../../src/sockets/record.js'
import { TABLES } from '../../src/sockets/tables.js'
import { toSocket } from '../../src/sockets/to-model.js'
import { anyPayload } from '../netlink/any-message.js'
import { done, FakeBatch, FakeConnection, message, refused } from '../netlink/fake.js'
import { fakeLookups } from '../render/lookups.js'
import { concat } from '../sockets/diag/build.js'

const HOSTILE = 'x\x1b[2J\n\u202e'
const lookups = fakeLookups({
  interfaceName: (_netns, ifindex) => `${HOSTILE}${ifindex}`,
  cgroupPath: id => `/${HOSTILE}${id}`,
  netnsLabel: () => HOSTILE,
  service: () => HOSTILE,
  holders: () => [{ pid: 1, name: HOSTILE, fd: 2 }],
  peerHolders: () => null,
})

const VIEWS = [false, true].flatMap(numeric => [false, true].map(oneLine => ({ numeric, oneLine })))

/** Every column and every word that a listing can show. */
function tableText(records: readonly SocketRecord[], view: (typeof VIEWS)[number]): string {
  const parts: Buffer[] = []
  const options = {
    ...view,
    netid: true,
    state: true,
    queues: true,
    netns: true,
    processes: true,
    header: true,
    extras: (record: SocketRecord, sink: Parameters<typeof words.writeInfo>[1]): void => {
      words.writeTimer(record, sink)
      words.writeExtended(record, sink)
      words.writeTos(record, sink)
      words.writeSockopt(record, sink)
    },
    details: (record: SocketRecord, sink: Parameters<typeof words.writeInfo>[1]): void => {
      words.writeMemory(record, sink)
      words.writeInfo(record, sink, { numeric: view.numeric, options: true })
    },
  }
  const rows = new RowWriter(bytes => parts.push(Buffer.from(bytes)), SocketTable.minimumWidths(options), 1)
  const table = new SocketTable(rows, options, lookups)
  table.header()
  for (const record of records) table.row(record)
  rows.flush()
  return Buffer.concat(parts).toString('utf8')
}

/** Messages in datagrams, then bytes of the whole changed: headers and lengths too. */
const datagrams = fc
  .tuple(
    fc.array(fc.array(fc.tuple(fc.constantFrom(20, 20, 20, 20, 3, 2, 1, 0), anyPayload), { maxLength: 4 }), {
      maxLength: 4,
    }),
    fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
    fc.constantFrom('done', 'refused', 'none'),
    fc.integer({ min: 0, max: 3 }),
  )
  .map(([parts, changes, end, split]) => {
    const list = parts.map(part => concat(...part.map(([type, payload]) => message(type, payload))))
    for (const datagram of list) for (const [at, value] of changes) if (at < datagram.length) datagram[at] = value
    if (end === 'done') list.push(done())
    if (end === 'refused') list.push(refused(1))
    return { first: list.slice(0, split), second: list.slice(split) }
  })

const SECONDS = Number(process.env['FUZZ_SECONDS'] ?? 5)
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 3000)
const SEED = process.env['FUZZ_SEED']

test(
  'damaged answers of every family are read, shown and written as JSON without a throw or a control character',
  async () => {
    const json = new SocketJson(lookups)
    const reused = new SocketRecord()
    await fc.assert(
      fc.asyncProperty(datagrams, fc.constantFrom(...TABLES), async ({ first, second }, table) => {
        const request = table.request(-1, { extensions: 0xff, bytecode: null })
        const batches = [first, second].filter(list => list.length > 0).map(list => new FakeBatch(list))
        const connection = new FakeConnection(() => batches)
        const held = new HeldRows()
        let seen = 0
        reused.clearParts()
        const outcome = await dumpSockets(
          connection,
          request,
          reused,
          () => 0,
          record => {
            seen++
            held.add(record, request.decode)
          },
        )
        expect(Object.values(outcome).every(value => typeof value === 'boolean' || value >= 0)).toBe(true)
        expect(outcome.passes).toBeLessThanOrEqual(4)
        const records: SocketRecord[] = []
        held.visit(new SocketRecord(), record => {
          const model = toSocket(record, lookups)
          const text = json.text(record)
          expect(text).toBe(JSON.stringify(model))
          expect(text).not.toMatch(/[\x00-\x1f]/)
          expect(JSON.parse(text)).toEqual(model)
          records.push(record.copy())
        })
        expect(records).toHaveLength(seen)
        for (const view of VIEWS) {
          const text = tableText(records, view)
          expect(text).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|[^\n]\t/)
          if (view.oneLine) expect(text.split('\n')).toHaveLength(records.length + 2)
        }
      }),
      {
        numRuns: RUNS,
        interruptAfterTimeLimit: SECONDS * 1000,
        markInterruptAsFailure: false,
        ...(SEED === undefined ? {} : { seed: Number(SEED) }),
      },
    )
  },
  SECONDS * 1000 + 30_000,
)
