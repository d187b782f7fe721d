// Every call of the native socket, good and hostile, in the main thread and in workers, without a test runner: the
// program that runs under the sanitizers (scripts/sanitize-native.mjs) and on other Node versions. Argument: the addon.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const path = isMainThread ? resolve(process.argv[2] ?? '') : workerData
const native = createRequire(import.meta.url)(path)

const RECEIVE_ROW = 10
const SEND_STAMPED_ROW = 12
const MSG_ERRQUEUE = 0x2000
const EAGAIN = -11
const EINVAL = -22
const int32 = value => new Uint8Array(new Int32Array([value]).buffer)
const loopback = port =>
  new Uint8Array([...int32(2).subarray(0, 2), port >> 8, port & 255, 127, 0, 0, 1, ...Array(8).fill(0)])
const pause = ms => new Promise(done => setTimeout(done, ms))
const numberOfDescriptors = () => readdirSync('/proc/self/fd').length

function udp() {
  const handle = native.open(2, 2, 0, -1)
  assert.equal(native.bind(handle, loopback(0)), 0)
  const name = new Uint8Array(16)
  assert.equal(native.getName(handle, name), 16)
  return { handle, port: (name[2] << 8) | name[3] }
}

/** `rows` rows of 128 bytes: 64 of data, 16 of name, 48 of control messages. */
function receiveTable(rows) {
  const table = new Int32Array(rows * RECEIVE_ROW)
  for (let row = 0; row < rows; row++)
    table.set([row * 128, 64, row * 128 + 64, 16, row * 128 + 80, 48], row * RECEIVE_ROW)
  return table
}

const receive = (handle, arena, table, count) =>
  new Promise(done => {
    const answer = native.receiveBatchAsync(handle, arena, table, count, 0, done)
    if (answer !== 0) done(answer)
  })

const sendAside = (handle, arena, table, count) =>
  new Promise(done => {
    const answer = native.sendStampedAsync(handle, arena, table, count, 0, done)
    if (answer !== 0) done(answer)
  })

async function everyCall() {
  const { handle, port } = udp()
  const option = new Uint8Array(4)
  assert.equal(native.setOption(handle, 1, 8, int32(65536)), 0)
  assert.equal(native.getOption(handle, 1, 8, option), 4)
  assert.equal(native.setOption(handle, 1, 26, new Uint8Array([6, 0, 0, 0, 255, 255, 0, 0])), 0)
  assert.equal(native.setOption(handle, 1, 35, int32(1)), 0) // SO_TIMESTAMPNS
  assert.equal(native.setOption(handle, 0, 11, int32(1)), 0) // IP_RECVERR
  assert.equal(native.connect(handle, loopback(port)), 0)
  assert.equal(native.getPeer(handle, new Uint8Array(16)), 16)
  assert.ok(native.fdOf(handle) > 2)

  const rows = 1024
  const arena = new Uint8Array(rows * 128)
  const table = receiveTable(rows)
  const sending = new Int32Array(8 * 6)
  for (let row = 0; row < 8; row++) sending[row * 6 + 1] = 32
  assert.equal(native.send(handle, arena, 0, 64, 0, null), 64)
  assert.equal(native.sendBatch(handle, arena, sending, 8, 0), 8)
  assert.equal(native.receiveBatch(handle, arena, table, rows, 0), 9)
  assert.equal(native.receiveBatch(handle, arena, table, rows, 0), EAGAIN)
  const stamped = new Int32Array(8 * SEND_STAMPED_ROW)
  for (let row = 0; row < 8; row++) stamped[row * SEND_STAMPED_ROW + 1] = 32
  assert.equal(native.sendStamped(handle, arena, stamped, 8, 0), 8)
  assert.equal(await receive(handle, arena, table, rows), 8)
  assert.equal(await sendAside(handle, arena, stamped, 8), 8)
  assert.equal(native.clocks(stamped), 0)
  assert.equal(await receive(handle, arena, table, rows), 8)
  assert.equal(native.shutdown(handle, 2), 0)
  assert.equal(native.close(handle), 0)
  assert.equal(native.close(handle), 0)
}

async function errorQueue() {
  const { handle } = udp()
  const closed = udp()
  native.close(closed.handle)
  native.setOption(handle, 0, 11, int32(1))
  const arena = new Uint8Array(128)
  const table = receiveTable(1)
  let exceptional = 0
  let read = 0
  native.watch(handle, 1, (status, events) => {
    assert.equal(status, 0)
    exceptional += events & 8
    read += native.receiveBatch(handle, arena, table, 1, MSG_ERRQUEUE) > 0 ? 1 : 0
    native.getOption(handle, 1, 4, new Uint8Array(4))
  })
  native.send(handle, arena, 0, 1, 0, loopback(closed.port))
  await pause(50)
  assert.ok(exceptional > 0)
  assert.equal(read, 1)
  native.close(handle)
}

async function watches() {
  for (let round = 0; round < 50; round++) {
    const { handle } = udp()
    await new Promise(done => {
      assert.equal(
        native.watch(handle, 1, () => {}),
        0,
      )
      assert.equal(
        native.watch(handle, 2, () => {
          native.close(handle)
          done()
        }),
        0,
      )
    })
  }
}

async function inFlight() {
  for (let round = 0; round < 50; round++) {
    const { handle } = udp()
    const arena = new Uint8Array(128)
    const table = receiveTable(1)
    const done = receive(handle, arena, table, 1)
    if (round % 3 === 0) native.close(handle)
    if (round % 3 === 1) structuredClone(table.buffer, { transfer: [table.buffer] })
    assert.equal(await done, round % 3 === 1 ? EINVAL : EAGAIN)
    native.close(handle)
  }
  for (let round = 0; round < 50; round++) {
    const { handle, port } = udp()
    const arena = new Uint8Array([...loopback(port), ...Array(48).fill(0)])
    const table = new Int32Array(8 * SEND_STAMPED_ROW)
    for (let row = 0; row < 8; row++) table.set([16, 48, 0, 16], row * SEND_STAMPED_ROW)
    const done = sendAside(handle, arena, table, 8)
    if (round % 3 === 0) native.close(handle)
    if (round % 3 === 1) structuredClone(table.buffer, { transfer: [table.buffer] })
    assert.equal(await done, round % 3 === 1 ? EINVAL : 8)
    native.close(handle)
  }
}

function hostile() {
  const { handle, port } = udp()
  const arena = new Uint8Array(64)
  const numbers = [-(2 ** 31), -1, 0, 1, 8, 63, 64, 65, 2 ** 31 - 1]
  let seed = 1
  const pick = list => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return list[(seed >>> 8) % list.length]
  }
  for (let round = 0; round < 50_000; round++) {
    const table = new Int32Array(SEND_STAMPED_ROW)
    for (let slot = 0; slot < 6; slot++) table[slot] = pick(numbers)
    native.sendBatch(handle, arena, table, 1, 0)
    native.sendStamped(handle, arena, table, 1, 0)
    // ASan's interceptor takes the length of a cut name for bytes written, so a name is given all its 16 or none.
    if (table[3] > 0 && table[3] < 16) table[3] = 16
    native.receiveBatch(handle, arena, table, 1, 0)
    native.send(handle, arena, pick(numbers), pick(numbers), 0, loopback(port))
  }
  const values = [
    undefined,
    null,
    1.5,
    Number.NaN,
    -1,
    2 ** 32,
    '',
    {},
    [],
    new Uint8Array(0),
    new Int32Array(1),
    () => {},
    1n,
  ]
  const calls = Object.entries(native).filter(([name, item]) => typeof item === 'function' && name !== 'close')
  for (let round = 0; round < 50_000; round++) {
    const [name, call] = pick(calls)
    const given = Array.from({ length: pick([0, 1, 2, 3, 4, 5, 6]) }, () => pick(values))
    assert.ok(Number.isInteger(name === 'open' ? call(-1, ...given) : call(handle, ...given)))
  }
  native.close(handle)
}

/** A packet socket with its ring, which nothing comes to yet; null where that needs root. */
function ring() {
  const blockBytes = 65536
  const handle = native.open(17, 3, 0, -1)
  if (handle < 0) return null
  const request = new Uint8Array(new Uint32Array([blockBytes, 4, blockBytes, 4, 5, 0, 0]).buffer)
  assert.equal(native.setOption(handle, 263, 10, int32(2)), 0) // PACKET_VERSION, TPACKET_V3
  assert.equal(native.setOption(handle, 263, 5, request), 0) // PACKET_RX_RING
  const memory = native.mapRing(handle, blockBytes * 4)
  assert.ok(memory instanceof ArrayBuffer)
  return { handle, memory }
}

/** As root: packets of loopback through a ring whose socket is closed while its memory is looked at. */
async function rings() {
  for (let round = 0; round < 20; round++) {
    const made = ring()
    if (made === null) return
    const { handle, memory } = made
    const address = new Uint8Array(20)
    address.set([17, 0, 0, 3, 1, 0, 0, 0]) // AF_PACKET, ETH_P_ALL, interface 1
    assert.equal(native.bind(handle, address), 0)
    const words = new Int32Array(memory)
    const { handle: sender, port } = udp()
    const readable = new Promise(done => native.watch(handle, 1, () => done(native.unwatch(handle))))
    native.send(sender, new Uint8Array(64), 0, 64, 0, loopback(port))
    await readable
    assert.equal(Atomics.load(words, 2) & 1, 1)
    // Every byte of it is read.
    words.toSorted()
    Atomics.store(words, 2, 0)
    native.close(handle)
    native.close(sender)
    assert.equal(words.length, 0)
  }
}

function filters() {
  const message = new Uint8Array(64)
  for (const text of ['tcp port 80', 'tcp prot 80', '', '(((((((((', 'host 192.0.2.1 or vlan 5'])
    for (const linkType of [1, 12, 113, 276, -1, 99999])
      for (const room of [0, 8, 65536]) {
        const bytes = new TextEncoder().encode(text)
        assert.ok(Number.isInteger(native.compileFilter(bytes, linkType, 65535, new Uint8Array(room), message)))
      }
}

function otherNamespace() {
  const [here] = [native.open(2, 2, 0, 0), native.open(2, 2, 0, 1_000_000)].filter(answer => answer >= 0)
  assert.equal(here, undefined)
}

async function workers() {
  for (const end of ['return', 'exit', 'terminate', 'terminate', 'terminate']) {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: path, env: { END: end } })
    // Listening from the start: both events may come in one turn.
    const exited = new Promise(done => worker.once('exit', done))
    await new Promise(done => worker.once('message', done))
    if (end === 'terminate') await worker.terminate()
    await exited
  }
}

function inWorker() {
  const arena = new Uint8Array(128)
  const again = handle => native.receiveBatchAsync(handle, arena, receiveTable(1), 1, 0, () => again(handle))
  const message = new Uint8Array([...loopback(9), 1])
  const sendOn = handle => {
    const row = new Int32Array(SEND_STAMPED_ROW)
    row.set([16, 1, 0, 16])
    native.sendStampedAsync(handle, message, row, 1, 0, () => sendOn(handle))
  }
  for (let left = 10; left > 0; left--) {
    const { handle } = udp()
    const made = ring()
    if (made !== null) native.watch(made.handle, 1, () => made.memory)
    if (made !== null && process.env.END === 'return') native.unwatch(made.handle)
    if (process.env.END === 'return') continue
    native.watch(handle, 2, () => {})
    again(handle)
    sendOn(handle)
  }
  setTimeout(() => {
    parentPort.postMessage('ready')
    if (process.env.END === 'exit') process.exit(0)
  }, 20)
}

if (isMainThread) {
  const warmUp = new Worker('', { eval: true })
  await new Promise(done => warmUp.once('exit', done))
  // libuv's worker threads and the loop have their descriptors from the first use on.
  await everyCall()
  const before = numberOfDescriptors()
  await everyCall()
  await errorQueue()
  await watches()
  await inFlight()
  await rings()
  filters()
  hostile()
  otherNamespace()
  await workers()
  await pause(100)
  assert.equal(numberOfDescriptors(), before)
  console.log(`native socket: every call is clean on ${process.version}`)
} else {
  inWorker()
}
