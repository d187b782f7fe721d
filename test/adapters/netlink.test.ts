import { describe, expect, test } from 'vitest'
import { interfaceNames } from '../../src/adapters/interface-names.js'
import { isLoadFailure, loadNative } from '../../src/adapters/native.js'
import { nativeNetlink } from '../../src/adapters/netlink.js'
import { RECEIVE_ROW, ROW } from '../../src/bytes/batch-table.js'
import type { DatagramBatch, NetlinkConnection } from '../../src/ports/netlink.js'
import type { SocketPort } from '../../src/ports/socket.js'
import { dumpSockets } from '../../src/sockets/dump.js'
import { SocketRecord } from '../../src/sockets/record.js'
import { ALL_STATES } from '../../src/sockets/states.js'
import { tableById } from '../../src/sockets/tables.js'
import { fakePort, message, refused } from '../netlink/fake.js'
import { attribute, concat, u32 } from '../sockets/diag/build.js'

const EAGAIN = 11
const MSG_TRUNC = 0x20
const SLOT = 32 * 1024

interface Fake {
  port: SocketPort
  log: string[]
  /** What the kernel has ready: a length a datagram, or what a receive answers. */
  ready: (number[] | number)[]
}

/** A socket port that fills each datagram with its number, and answers everything else with 0. */
function fake(answers: Partial<Record<keyof SocketPort, number>> = {}): Fake {
  const log: string[] = []
  const ready: Fake['ready'] = []
  let number = 0
  const receive = (arena: Uint8Array, table: Int32Array, count: number): number => {
    const next = ready.shift() ?? -EAGAIN
    if (typeof next === 'number') return next
    const now = next.slice(0, count)
    if (next.length > count) ready.unshift(next.slice(count))
    for (const [row, length] of now.entries()) {
      const at = row * RECEIVE_ROW
      const start = table[at + ROW.dataOffset]!
      arena.fill(0, start, start + SLOT)
      arena[start] = ++number
      table[at + ROW.receivedData] = length
      table[at + ROW.receivedFlags] = length > SLOT ? MSG_TRUNC : 0
    }
    return now.length
  }
  const later = (arena: Uint8Array, table: Int32Array, count: number, tell: (result: number) => void): number => {
    setImmediate(() => tell(receive(arena, table, count)))
    return 0
  }
  const methods: Partial<SocketPort> = {
    open: (...args) => log.push(`open ${args}`) && (answers.open ?? 7),
    send: (handle, bytes) => log.push(`send ${handle} ${bytes.length}`) && (answers.send ?? bytes.length),
    bind: (handle, address) => log.push(`bind ${handle} ${address}`) && (answers.bind ?? 0),
    getName: (_handle, out) => {
      if (answers.getName !== undefined) return answers.getName
      out.set([16, 0, 0, 0, 1, 2, 3, 4])
      return 12
    },
    setOption: (_handle, level, name, value) =>
      log.push(`option ${level} ${name} ${value}`) && (answers.setOption ?? 0),
    watch: (handle, events) => log.push(`watch ${handle} ${events}`) && (answers.watch ?? 0),
    close: handle => log.push(`close ${handle}`) && 0,
    receiveBatch: (_handle, arena, table, count) => log.push('receive') && receive(arena, table, count),
    receiveBatchAsync: (_handle, arena, table, count, _flags, tell) =>
      log.push('ahead') && (answers.receiveBatchAsync ?? later(arena, table, count, tell)),
  }
  return { port: methods as SocketPort, log, ready }
}

const connect = (made: Fake): NetlinkConnection => nativeNetlink(made.port).open(4, -1)
/** Numbers that the datagrams of a batch were filled with. */
const numbers = (batch: DatagramBatch | null): number[] | null =>
  batch && Array.from({ length: batch.count }, (_, index) => batch.bytes[batch.start(index)]!)

describe('a netlink connection', () => {
  test('is a raw netlink socket of the protocol, in the namespace', () => {
    const made = fake()
    nativeNetlink(made.port).open(4, 9)
    expect(made.log.slice(0, 1)).toEqual(['open 16,3,4,9'])
  })

  test.each([
    [-1, 1, 'netlink'],
    [9, 1, 'netns'],
    [-1, 24, 'netlink'],
  ])('that cannot be opened in namespace %d for errno %d says so', (netns, errno) => {
    expect(() => nativeNetlink(fake({ open: -errno }).port).open(4, netns)).toThrow(/^cannot open a netlink socket: /)
  })

  test('sends whole requests, and throws what the system says', () => {
    const made = fake()
    connect(made).send(new Uint8Array(72))
    expect(made.log.at(-1)).toBe('send 7 72')
    expect(() => connect(fake({ send: -105 })).send(new Uint8Array(72))).toThrow('cannot send a request to the kernel')
  })

  test('reads what is ready, with the length of each datagram, and marks what was cut', async () => {
    const made = fake()
    made.ready.push([20, SLOT, SLOT + 5])
    const batch = (await connect(made).read())!
    expect(numbers(batch)).toEqual([1, 2, 3])
    expect([0, 1, 2].map(index => batch.length(index))).toEqual([20, SLOT, SLOT])
    expect([0, 1, 2].map(index => batch.truncated(index))).toEqual([false, false, true])
    expect(batch.data.getUint8(batch.start(2))).toBe(3)
    expect(made.log).not.toContain('ahead')
  })

  test('gives null when nothing is ready', async () => {
    const made = fake()
    expect(await connect(made).read()).toBeNull()
    made.ready.push(-4)
    expect(connect(made).readNow()).toBeNull()
  })

  test('reads ahead when its first read was full, so that each datagram comes once and in order', async () => {
    const made = fake()
    const all = Array.from({ length: 200 }, () => 20)
    made.ready.push(all)
    const connection = connect(made)
    const seen: number[] = []
    const counts: number[] = []
    for (;;) {
      const batch = await connection.read()
      if (batch === null) break
      counts.push(batch.count)
      if (batch.count !== 24) expect(made.log.at(-1)).toBe('ahead')
      // The next read is under way in another buffer while this one is looked at.
      await new Promise(resolve => setImmediate(resolve))
      seen.push(...numbers(batch)!)
    }
    expect(seen).toEqual(all.map((_, at) => at + 1))
    expect(counts).toEqual([16, 96, 32, 32, 24])
  })

  test.each([
    ['first read', 16],
    ['read in the background', 112],
  ])(
    'answers the next request by itself when a full %s held the end, and what was read ahead was nothing',
    async (_which, count) => {
      const made = fake()
      made.ready.push(Array.from({ length: count }, () => 20))
      const connection = connect(made)
      for (let read = 0; read < count; ) read += (await connection.read())!.count
      await new Promise(resolve => setImmediate(resolve))
      connection.send(new Uint8Array(72))
      made.ready.push([20])
      expect(numbers(await connection.read())).toEqual([count + 1])
      expect(await connection.read()).toBeNull()
    },
  )

  test('gives an answer that came into a read ahead of its request, once', async () => {
    const made = fake()
    made.ready.push(Array.from({ length: 16 }, () => 20))
    const connection = connect(made)
    expect((await connection.read())!.count).toBe(16)
    // The read ahead is under way when the next request is sent, and meets its answer.
    connection.send(new Uint8Array(72))
    made.ready.push([20, 20])
    expect(numbers(await connection.read())).toEqual([17, 18])
    expect(await connection.read()).toBeNull()
  })

  test('a failure to read is thrown', () => {
    const made = fake()
    made.ready.push(-105)
    expect(() => connect(made).readNow()).toThrow('cannot read from the kernel')
  })

  test('is bound before anything is sent, so that strace knows its protocol, and is not left open when that fails', () => {
    const made = fake()
    connect(made).send(new Uint8Array(4))
    expect(made.log.slice(1)).toEqual(['bind 7 16,0,0,0,0,0,0,0,0,0,0,0', 'send 7 4'])
    const failing = fake({ bind: -12 })
    expect(() => connect(failing)).toThrow('cannot bind a netlink socket')
    expect(failing.log.at(-1)).toBe('close 7')
  })

  test('joins groups by binding once more to its port, and asks for room, by force or else as allowed', () => {
    const made = fake({ setOption: -1 })
    connect(made).join(0x0f)
    expect(made.log.slice(2)).toEqual([
      'bind 7 16,0,0,0,1,2,3,4,15,0,0,0',
      'option 1 33 0,0,64,0',
      'option 1 8 0,0,64,0',
    ])
    expect(() => connect(fake({ getName: -9 })).join(1)).toThrow('cannot read the port id')
  })

  test('waits for events and closes', () => {
    const made = fake()
    const connection = connect(made)
    connection.onReadable(() => undefined)
    connection.close()
    expect(made.log.slice(2)).toEqual(['watch 7 1', 'close 7'])
    expect(() => connect(fake({ watch: -22 })).onReadable(() => undefined)).toThrow('cannot wait for events')
  })
})

describe('names of interfaces', () => {
  const link = (index: number, name: string): Uint8Array =>
    message(16, concat(u32(0, index, 0, 0), attribute(3, Buffer.from(`${name}\0`))))

  test('are those of the namespace asked, over several reads', () => {
    const port = fakePort((_request, fd) => [
      [link(1, 'lo'), link(fd, 'veth0')],
      [link(77, 'late'), message(3, u32(0))],
    ])
    expect([...interfaceNames(port, 5, null)]).toEqual([
      [1, 'lo'],
      [5, 'veth0'],
      [77, 'late'],
    ])
    expect(port.connections[0]!.closed).toBe(1)
  })

  test('come from procfs where the kernel refuses, and are none where that is another namespace', () => {
    const port = fakePort(() => [[refused(1)]])
    expect(interfaceNames(port, -1, null).get(1)).toBe('lo')
    expect(interfaceNames(port, 5, null).size).toBe(0)
    expect(interfaceNames(null, -1, null).get(1)).toBe('lo')
    expect(interfaceNames(null, null, null).size).toBe(0)
    for (const connection of port.connections) expect(connection.closed).toBe(1)
  })

  test('an answer without an end ends', () => {
    expect([
      ...interfaceNames(
        fakePort(() => [[link(1, 'lo')]]),
        5,
        null,
      ),
    ]).toEqual([[1, 'lo']])
  })
})

describe('this kernel', () => {
  const native = loadNative()

  test('names its loopback interface', ({ skip }) => {
    if (isLoadFailure(native)) return skip(native.reason)
    expect(interfaceNames(nativeNetlink(native), -1, null).get(1)).toBe('lo')
  })

  test.for(['unix', 'tcp4', 'udp6'])('answers a dump of %s to its end, read now or ahead', async (id, { skip }) => {
    if (isLoadFailure(native)) return skip(native.reason)
    const request = tableById(id)!.request(ALL_STATES, { extensions: 0, bytecode: null })
    const connection = nativeNetlink(native).open(4, -1)
    let sockets = 0
    const outcome = await dumpSockets(
      connection,
      request,
      new SocketRecord(),
      () => 0,
      () => sockets++,
    )
    connection.close()
    // A small container may have no diag module for a family: then the kernel says so.
    if (outcome.errno !== 0) return skip(`this kernel refuses ${id} with errno ${outcome.errno}`)
    expect(outcome.damaged).toBe(0)
    expect(sockets).toBeGreaterThanOrEqual(0)
  })
})
