import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import {
  AF_INET,
  addon,
  closedPort,
  ECONNREFUSED,
  EINPROGRESS,
  EINVAL,
  IP_RECVERR,
  int32,
  loopback,
  MSG_ERRQUEUE,
  native,
  openDescriptors,
  readInt32,
  receiveTable,
  SO_ERROR,
  SO_SELECT_ERR_QUEUE,
  SOCK_STREAM,
  SOL_IP,
  SOL_SOCKET,
  udp,
} from './helper.js'

const READABLE = 1
const WRITABLE = 2
const EXCEPTIONAL = 8

/** The first report of a watch, which is then ended. */
function next(handle: number, events: number): Promise<[status: number, events: number]> {
  return new Promise((resolve, reject) => {
    const answer = native.watch(handle, events, (status, found) => {
      native.unwatch(handle)
      resolve([status, found])
    })
    if (answer < 0) reject(new Error(String(answer)))
  })
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

describe.skipIf(addon === null)('watching a socket', () => {
  it('says when it is readable, and when writable', async () => {
    const { handle, port } = udp()
    expect(await next(handle, WRITABLE)).toEqual([0, WRITABLE])
    const readable = next(handle, READABLE)
    native.send(handle, new Uint8Array(1), 0, 1, 0, loopback(port))
    expect(await readable).toEqual([0, READABLE])
    native.close(handle)
  })

  it('says nothing after unwatch or close, which may come from inside of the report', async () => {
    const before = openDescriptors()
    for (const end of [native.unwatch, native.close]) {
      const { handle } = udp()
      let reports = 0
      native.watch(handle, WRITABLE, () => {
        reports++
        end(handle)
        end(handle)
      })
      await pause(20)
      expect(reports).toBe(1)
      native.close(handle)
      const other = udp().handle
      native.watch(other, WRITABLE, () => reports++)
      end(other)
      await pause(20)
      expect(reports).toBe(1)
      native.close(other)
    }
    expect(openDescriptors()).toBe(before)
  })

  it('replaces events and function with a second watch', async () => {
    const { handle } = udp()
    const reports: string[] = []
    native.watch(handle, READABLE, () => reports.push('first'))
    native.watch(handle, WRITABLE, () => {
      reports.push('second')
      native.unwatch(handle)
    })
    await pause(20)
    expect(reports).toEqual(['second'])
    native.close(handle)
  })

  it('can watch a new socket that got the descriptor of a closed one in the same turn', async () => {
    const old = udp()
    const fd = native.fdOf(old.handle)
    native.watch(old.handle, READABLE, () => {})
    native.close(old.handle)
    const { handle } = udp()
    expect(native.fdOf(handle)).toBe(fd)
    expect(await next(handle, WRITABLE)).toEqual([0, WRITABLE])
    native.close(handle)
  })

  it.each([0, 1])('reports an error queue as exceptional, and goes on (SO_SELECT_ERR_QUEUE %i)', async select => {
    const { handle, port } = udp()
    native.setOption(handle, SOL_IP, IP_RECVERR, int32(1))
    native.setOption(handle, SOL_SOCKET, SO_SELECT_ERR_QUEUE, int32(select))
    const arena = new Uint8Array(256)
    const table = receiveTable([{ data: [0, 64], control: [64, 128] }])
    const reports: [number, number][] = []
    native.watch(handle, READABLE | EXCEPTIONAL, (status, events) => {
      reports.push([status, events])
      while (native.receiveBatch(handle, arena, table, 1, MSG_ERRQUEUE) > 0);
      native.getOption(handle, SOL_SOCKET, SO_ERROR, arena)
      native.receiveBatch(handle, arena, table, 1, 0)
    })
    native.send(handle, new Uint8Array(1), 0, 1, 0, loopback(closedPort()))
    await pause(30)
    expect(reports).toHaveLength(1)
    expect(reports[0]![0]).toBe(0)
    expect(reports[0]![1] & EXCEPTIONAL).toBe(EXCEPTIONAL)
    native.send(handle, new Uint8Array(1), 0, 1, 0, loopback(port))
    await pause(30)
    expect(reports.slice(1)).toEqual([[0, READABLE]])
    native.close(handle)
  })

  it('ends a connection attempt: writable when established, exceptional when refused', async () => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    const accepted = native.open(AF_INET, SOCK_STREAM, 0, -1)
    expect(native.connect(accepted, loopback(port))).toBe(EINPROGRESS)
    expect(await next(accepted, WRITABLE)).toEqual([0, WRITABLE])
    native.close(accepted)
    server.close()

    const refused = native.open(AF_INET, SOCK_STREAM, 0, -1)
    expect([EINPROGRESS, ECONNREFUSED]).toContain(native.connect(refused, loopback(closedPort())))
    expect(await next(refused, WRITABLE)).toEqual([0, EXCEPTIONAL])
    const error = new Uint8Array(4)
    native.getOption(refused, SOL_SOCKET, SO_ERROR, error)
    expect(readInt32(error)).toBe(-ECONNREFUSED)
    native.close(refused)
  })

  it('refuses events that it does not know', () => {
    const { handle } = udp()
    for (const events of [0, 16, -1, 1.5]) expect(native.watch(handle, events, () => {})).toBe(EINVAL)
    native.close(handle)
  })

  it('makes what its function throws an uncaught exception, and keeps the loop alive only while it watches', () => {
    const addonPath = Object.keys(createRequire(import.meta.url).cache).find(path => path.endsWith('netkit.node'))
    const program = `
      const native = require(process.argv[1])
      const handle = native.open(2, 2, 0, -1)
      process.on('uncaughtException', error => {
        console.log(error.message)
        native.unwatch(handle)
      })
      native.watch(handle, 2, () => { throw new Error('thrown in a report') })
      process.on('exit', () => console.log('ends by itself'))`
    const output = execFileSync(process.execPath, ['-e', program, addonPath!], { encoding: 'utf8', timeout: 20_000 })
    expect(output).toBe('thrown in a report\nends by itself\n')
  })
})
