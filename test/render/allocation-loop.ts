// Reads and prints the same 32 KiB of sockets again and again, and counts garbage collections meanwhile. Run in a process of
// its own by allocation.test.ts, which names the loop.

import { PerformanceObserver, performance } from 'node:perf_hooks'
import { walkMessages } from '../../src/netlink/message.js'
import { RowWriter } from '../../src/render/row-writer.js'
import { SocketTable } from '../../src/render/socket-table.js'
import { CookieWindow } from '../../src/sockets/cookies.js'
import { decodeInet } from '../../src/sockets/diag/inet-diag.js'
import { dumpSockets } from '../../src/sockets/dump.js'
import { SocketRecord } from '../../src/sockets/record.js'
import { done, FakeBatch, type InetFields, socketMessage } from '../netlink/fake.js'
import { concat } from '../sockets/diag/build.js'
import { fakeLookups } from './lookups.js'

const ARENA_BYTES = 32 * 1024
const WARM_UP = 2000
const ITERATIONS = 5000

function fill(): { arena: Uint8Array; sockets: number } {
  const messages: Uint8Array[] = []
  let size = 0
  for (let cookie = 1; ; cookie++) {
    const six = cookie % 4 === 0
    const fields: InetFields = {
      family: six ? 10 : 2,
      state: 1 + (cookie % 11),
      local: six ? [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1] : [10, 0, 0, 1],
      peer: six ? [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 2] : [192, 168, 1, cookie & 255],
      localPort: cookie,
      peerPort: 443,
      recvQueue: cookie,
      sendQueue: cookie * 1000,
    }
    const message = socketMessage(cookie, fields)
    if (size + message.length > ARENA_BYTES) return { arena: concat(...messages), sockets: messages.length }
    messages.push(message)
    size += message.length
  }
}

const { arena, sockets } = fill()
const data = new DataView(arena.buffer)
const record = new SocketRecord()
const seen = new CookieWindow()
let cookie = 0
/** A number that grows large would be put on the heap at every change. */
const sum = new Float64Array(1)
let kept: object[] = []

const options = {
  netid: true,
  state: true,
  queues: true,
  netns: false,
  numeric: true,
  processes: false,
  header: true,
  extras: null,
  details: null,
  oneLine: false,
}
const rows = new RowWriter(
  bytes => {
    sum[0] = sum[0]! + bytes.length
  },
  SocketTable.minimumWidths(options),
  1,
)
const table = new SocketTable(rows, options, fakeLookups())

/** A new cookie, as if this were another socket: one counter for all, as in the kernel. */
function renumber(start: number): void {
  data.setUint32(start + 44, ++cookie, true)
}

const LOOPS: Record<string, (type: number, start: number, end: number) => void> = {
  /** Decoding alone. */
  decode(_type, start, end) {
    if (decodeInet(data, start, end, 'tcp', record)) sum[0] = sum[0]! + record.localPort + record.sendQueue
  },
  /** Decoding and printing. */
  table(_type, start, end) {
    if (decodeInet(data, start, end, 'tcp', record)) table.row(record)
  },
  /** Decoding, dropping duplicates, printing: all of them are duplicates after the first time. */
  dedupe(_type, start, end) {
    if (decodeInet(data, start, end, 'tcp', record) && seen.add(record.cookieLow, record.cookieHigh)) table.row(record)
  },
  /** The same with sockets that are all new: the window of cookies is renewed every 65,536 sockets. */
  fresh(_type, start, end) {
    renumber(start)
    if (decodeInet(data, start, end, 'tcp', record) && seen.add(record.cookieLow, record.cookieHigh)) table.row(record)
  },
  /** What a loop must not do: an object and a string per socket. */
  control(_type, start, end) {
    decodeInet(data, start, end, 'tcp', record)
    kept.push({ port: `${record.localPort}:${kept.length}`, addresses: [record.local0, record.peer0] })
    if (kept.length > 1000) kept = []
  },
}

/** Through a dump: one batch of 16 parts a read, as from the kernel. */
async function dump(reads: number): Promise<void> {
  const batch = new FakeBatch(Array.from({ length: 16 }, () => arena))
  const end = new FakeBatch([done()])
  let left = Math.ceil(reads / 16)
  const connection = {
    send: () => undefined,
    read: () => (left-- > 0 ? batch : end),
    readNow: () => null,
    join: () => undefined,
    onReadable: () => undefined,
    close: () => undefined,
  }
  const request = {
    payload: new Uint8Array(56),
    attributes: [],
    decode: (view: DataView, start: number, stop: number, into: SocketRecord) => {
      view.setUint32(start + 44, ++cookie, true)
      return decodeInet(view, start, stop, 'tcp', into)
    },
  }
  await dumpSockets(
    connection,
    request,
    record,
    () => 0,
    one => table.row(one),
  )
}

async function loop(name: string, iterations: number): Promise<void> {
  if (name === 'dump') return dump(iterations)
  const visit = LOOPS[name]!
  for (let at = 0; at < iterations; at++) walkMessages(data, 0, arena.length, visit)
}

const pause = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 100))

const entries: { startTime: number }[] = []
const observer = new PerformanceObserver(list => entries.push(...list.getEntries()))
observer.observe({ entryTypes: ['gc'] })

async function main(name: string): Promise<void> {
  await loop(name, WARM_UP)
  await pause()
  const since = performance.now()
  await loop(name, ITERATIONS)
  const until = performance.now()
  await pause()
  const gc = entries.filter(entry => entry.startTime >= since && entry.startTime <= until).length
  process.stdout.write(JSON.stringify({ name, sockets: sockets * ITERATIONS, gc, sum: sum[0] }))
}

void main(process.argv[2]!)
