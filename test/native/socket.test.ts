import { afterEach, describe, expect, it } from 'vitest'
import {
  AF_INET,
  AF_NETLINK,
  AF_UNIX,
  addon,
  EAGAIN,
  EBADF,
  EINVAL,
  int32,
  loopback,
  NETLINK_SOCK_DIAG,
  native,
  openDescriptors,
  portOf,
  readInt32,
  SO_ATTACH_FILTER,
  SO_RCVBUF,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  SOL_SOCKET,
  udp,
} from './helper.js'

describe.skipIf(addon === null)('a native socket', () => {
  const open: number[] = []
  const opened = (handle: number): number => {
    open.push(handle)
    return handle
  }
  afterEach(() => {
    for (const handle of open.splice(0)) native.close(handle)
  })

  it('opens any family with a handle that is never used again', () => {
    const first = opened(native.open(AF_INET, SOCK_DGRAM, 0, -1))
    native.close(first)
    const handles = [
      opened(native.open(AF_INET, SOCK_STREAM, 0, -1)),
      opened(native.open(AF_UNIX, SOCK_DGRAM, 0, -1)),
      opened(native.open(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG, -1)),
    ]
    expect(first).toBeGreaterThan(0)
    expect(handles).toEqual([first + 1, first + 2, first + 3])
  })

  it('answers an unknown family with -EAFNOSUPPORT', () => {
    expect(native.open(999, SOCK_DGRAM, 0, -1)).toBe(-97)
  })

  it('answers a descriptor that is no network namespace with the error of setns', () => {
    expect(native.open(AF_INET, SOCK_DGRAM, 0, 0)).toBeLessThan(0)
    expect(native.open(AF_INET, SOCK_DGRAM, 0, 1_000_000)).toBe(EBADF)
  })

  it('opens close-on-exec and non-blocking', () => {
    const { handle } = udp()
    opened(handle)
    const table = new Int32Array([0, 8, 0, 0, 0, 0, 0, 0, 0, 0])
    expect(native.receiveBatch(handle, new Uint8Array(8), table, 1, 0)).toBe(EAGAIN)
  })

  it('closes the descriptor at once, and answers 0 for every close after it', () => {
    const before = openDescriptors()
    const { handle } = udp()
    expect(openDescriptors()).toBe(before + 1)
    expect(native.close(handle)).toBe(0)
    expect(openDescriptors()).toBe(before)
    expect(native.close(handle)).toBe(0)
    expect(native.close(123_456_789)).toBe(0)
  })

  it('answers -EBADF to every call on a stale handle, and leaves a newer socket alone', () => {
    const stale = native.open(AF_INET, SOCK_DGRAM, 0, -1)
    const fd = native.fdOf(stale)
    native.close(stale)
    const { handle } = udp()
    opened(handle)
    expect(native.fdOf(handle)).toBe(fd)
    const bytes = new Uint8Array(16)
    const table = new Int32Array(10)
    const answers = [
      native.bind(stale, loopback(0)),
      native.connect(stale, loopback(9)),
      native.getName(stale, bytes),
      native.getPeer(stale, bytes),
      native.getOption(stale, SOL_SOCKET, SO_RCVBUF, bytes),
      native.setOption(stale, SOL_SOCKET, SO_RCVBUF, int32(4096)),
      native.send(stale, bytes, 0, 16, 0, null),
      native.sendBatch(stale, bytes, table, 1, 0),
      native.receiveBatch(stale, bytes, table, 1, 0),
      native.receiveBatchAsync(stale, bytes, table, 1, 0, () => {}),
      native.sendStampedAsync(stale, bytes, new Int32Array(12), 1, 0, () => {}),
      native.watch(stale, 1, () => {}),
      native.unwatch(stale),
      native.shutdown(stale, 2),
      native.fdOf(stale),
    ]
    expect(answers).toEqual(answers.map(() => EBADF))
    expect(portOf(handle)).toBeGreaterThan(0)
  })

  it('tells what is the case of any descriptor, without waiting', () => {
    const a = udp()
    const b = udp()
    opened(a.handle)
    opened(b.handle)
    const fd = native.fdOf(a.handle)
    expect(addon!.pollNow(fd, 1 | 4)).toBe(4) // POLLOUT, and nothing to read
    expect(native.send(b.handle, new Uint8Array(4), 0, 4, 0, loopback(a.port))).toBe(4)
    expect(addon!.pollNow(fd, 1)).toBe(1) // POLLIN
    expect(addon!.pollNow(fd, 0)).toBe(0)
    expect(addon!.pollNow(123_456, 0)).toBe(0x20) // POLLNVAL
    for (const [of, events] of [
      [-1, 0],
      [fd, -1],
      [fd, 0x8000],
      [1.5, 0],
    ] as const) {
      expect(addon!.pollNow(of, events)).toBe(EINVAL)
    }
  })

  it('binds, connects and names both ends', () => {
    const a = udp()
    const b = udp()
    opened(a.handle)
    opened(b.handle)
    const peer = new Uint8Array(16)
    expect(native.getPeer(a.handle, peer)).toBe(-107) // ENOTCONN
    expect(native.connect(a.handle, loopback(b.port))).toBe(0)
    expect(native.getPeer(a.handle, peer)).toBe(16)
    expect(peer).toEqual(loopback(b.port))
  })

  it('answers the whole length of a name that does not fit', () => {
    const { handle, port } = udp()
    opened(handle)
    const out = new Uint8Array(4)
    expect(native.getName(handle, out)).toBe(16)
    expect(out).toEqual(loopback(port).subarray(0, 4))
  })

  it('sets and gets options as bytes', () => {
    const { handle } = udp()
    opened(handle)
    expect(native.setOption(handle, SOL_SOCKET, SO_RCVBUF, int32(8192))).toBe(0)
    const out = new Uint8Array(4)
    expect(native.getOption(handle, SOL_SOCKET, SO_RCVBUF, out)).toBe(4)
    expect(readInt32(out)).toBe(16384) // socket(7): the kernel doubles it
    expect(native.getOption(handle, SOL_SOCKET, 9999, out)).toBe(-92) // ENOPROTOOPT
  })

  it('attaches a classic BPF program given as its instructions', () => {
    const { handle, port } = udp()
    opened(handle)
    const rejectAll = new Uint8Array([0x06, 0, 0, 0, 0, 0, 0, 0]) // ret #0
    const acceptAll = new Uint8Array([0x06, 0, 0, 0, 0xff, 0xff, 0, 0]) // ret #65535
    expect(native.setOption(handle, SOL_SOCKET, SO_ATTACH_FILTER, rejectAll)).toBe(0)
    const table = new Int32Array([0, 8, 0, 0, 0, 0, 0, 0, 0, 0])
    const arena = new Uint8Array(8)
    native.send(handle, new Uint8Array([7]), 0, 1, 0, loopback(port))
    expect(native.receiveBatch(handle, arena, table, 1, 0)).toBe(EAGAIN)
    expect(native.setOption(handle, SOL_SOCKET, SO_ATTACH_FILTER, acceptAll)).toBe(0)
    native.send(handle, new Uint8Array([7]), 0, 1, 0, loopback(port))
    expect(native.receiveBatch(handle, arena, table, 1, 0)).toBe(1)
    expect(native.setOption(handle, SOL_SOCKET, SO_ATTACH_FILTER, rejectAll.subarray(1))).toBe(EINVAL)
  })

  it('refuses the option whose value is an address for the kernel to write to', () => {
    const tcp = opened(native.open(AF_INET, SOCK_STREAM, 0, -1))
    expect(native.getOption(tcp, 6, 35, new Uint8Array(64))).toBe(EINVAL) // TCP_ZEROCOPY_RECEIVE
  })

  it('sends a part of a buffer, to an address or to its peer', () => {
    const a = udp()
    const b = udp()
    opened(a.handle)
    opened(b.handle)
    const bytes = new Uint8Array([1, 2, 3, 4, 5])
    expect(native.send(a.handle, bytes, 1, 3, 0, null)).toBe(-89) // EDESTADDRREQ
    expect(native.send(a.handle, bytes, 1, 3, 0, loopback(b.port))).toBe(3)
    expect(native.connect(a.handle, loopback(b.port))).toBe(0)
    expect(native.send(a.handle, bytes, 5, 0, 0, null)).toBe(0)
    const arena = new Uint8Array(16)
    const table = new Int32Array([0, 8, 0, 0, 0, 0, 9, 9, 9, 9, 8, 8, 0, 0, 0, 0, 9, 9, 9, 9])
    expect(native.receiveBatch(b.handle, arena, table, 2, 0)).toBe(2)
    expect([...arena.subarray(0, 4)]).toEqual([2, 3, 4, 0])
    expect([...table]).toEqual([0, 8, 0, 0, 0, 0, 3, 0, 0, 0, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0])
  })

  it('shuts one direction down', () => {
    const { handle, port } = udp()
    opened(handle)
    native.connect(handle, loopback(port))
    expect(native.shutdown(handle, 1)).toBe(0)
    expect(native.send(handle, new Uint8Array(1), 0, 1, 0, null)).toBe(-32) // EPIPE, and no SIGPIPE
    expect(native.shutdown(handle, 77)).toBe(EINVAL)
  })
})
