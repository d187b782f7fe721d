import { describe, expect, it } from 'vitest'
import { addon, EBADF, EBUSY, EINVAL, int32, native, openDescriptors, udp } from './helper.js'

const AF_PACKET = 17
const SOCK_RAW = 3
const SOL_PACKET = 263
const PACKET_RX_RING = 5
const PACKET_VERSION = 10
const BLOCK_BYTES = 4096 * 4
const BLOCKS = 4

const privileged = addon !== null && process.getuid?.() === 0

/** struct tpacket_req3: block size and count, frame size and count, retire time, private bytes, features. */
const ringRequest = (): Uint8Array =>
  new Uint8Array(new Uint32Array([BLOCK_BYTES, BLOCKS, BLOCK_BYTES, BLOCKS, 10, 0, 0]).buffer)

/** A packet socket with a ring, without a protocol, so that nothing comes. */
function ringSocket(): number {
  const handle = native.open(AF_PACKET, SOCK_RAW, 0, -1)
  expect(native.setOption(handle, SOL_PACKET, PACKET_VERSION, int32(2))).toBe(0) // TPACKET_V3
  expect(native.setOption(handle, SOL_PACKET, PACKET_RX_RING, ringRequest())).toBe(0)
  return handle
}

describe.skipIf(!privileged)('the ring of a packet socket', () => {
  it('is memory that close takes away', () => {
    const before = openDescriptors()
    const handle = ringSocket()
    const memory = native.mapRing(handle, BLOCK_BYTES * BLOCKS) as ArrayBuffer
    const bytes = new Uint8Array(memory)
    expect(bytes.length).toBe(BLOCK_BYTES * BLOCKS)
    // tpacket_block_desc: version (TPACKET_V3), where a packet starts at the earliest, and the status, the kernel's.
    expect([...new Uint32Array(memory, 0, 3)]).toEqual([2, 48, 0])
    bytes[BLOCK_BYTES - 1] = 7
    native.close(handle)
    expect([bytes.length, memory.byteLength, bytes[0]]).toEqual([0, 0, undefined])
    expect(openDescriptors()).toBe(before)
  })

  it('is mapped once, whole, and from packet sockets only', () => {
    const handle = ringSocket()
    for (const length of [0, -1, 1.5, 4096, BLOCK_BYTES * BLOCKS * 2, 2 ** 31])
      expect(native.mapRing(handle, length)).toBe(EINVAL)
    expect(native.mapRing(handle, BLOCK_BYTES * BLOCKS)).toBeInstanceOf(ArrayBuffer)
    expect(native.mapRing(handle, BLOCK_BYTES * BLOCKS)).toBe(EBUSY)
    native.close(handle)
    expect(native.mapRing(handle, BLOCK_BYTES * BLOCKS)).toBe(EBADF)
    const other = udp().handle
    expect(native.mapRing(other, 4096)).toBe(EINVAL)
    native.close(other)
  })

  it('is not pulled from under one who took it over, where Node lets it be taken', ({ skip }) => {
    const handle = ringSocket()
    const memory = native.mapRing(handle, BLOCK_BYTES * BLOCKS) as ArrayBuffer
    let taken: ArrayBuffer
    try {
      taken = structuredClone(memory, { transfer: [memory] })
    } catch (error) {
      native.close(handle)
      return skip(`Node ${process.version}: ${(error as Error).message}`)
    }
    native.close(handle)
    expect(new Uint8Array(taken).every(byte => byte < 255)).toBe(true)
    expect(taken.byteLength).toBe(BLOCK_BYTES * BLOCKS)
  })
})

describe.skipIf(addon === null)('compiling a capture filter', () => {
  const compile = (text: string, room = 8 * 4096): [number, string, Uint8Array] => {
    const program = new Uint8Array(room)
    const message = new Uint8Array(256)
    const length = native.compileFilter(new TextEncoder().encode(text), 1, 100, program, message)
    return [length, new TextDecoder().decode(message.subarray(0, message.indexOf(0))), program]
  }

  it('gives instructions, a message, or how much room is missing', ({ skip }) => {
    const [length, missing, program] = compile('ip')
    if (length === -38) return skip(missing)
    // tcpdump -d ip: ldh [12]; jeq #0x800 jt 2 jf 3; ret #snaplen; ret #0 (struct sock_filter, 8 bytes each)
    expect([...program.subarray(0, length)]).toEqual(
      [
        [0x28, 0, 0, 0, 12, 0, 0, 0],
        [0x15, 0, 0, 1, 0x00, 0x08, 0, 0],
        [0x06, 0, 0, 0, 100, 0, 0, 0],
        [0x06, 0, 0, 0, 0, 0, 0, 0],
      ].flat(),
    )
    expect(compile('ip prot 6').slice(0, 2)).toEqual([EINVAL, "can't parse filter expression: syntax error"])
    expect(compile('ip', 31)[0]).toBe(-28) // ENOSPC
    expect(compile('')[0]).toBe(8)
  })

  it('refuses arguments of the wrong kind', () => {
    const bytes = new Uint8Array(8)
    const call = native.compileFilter as (...args: unknown[]) => number
    for (const args of [
      [],
      ['ip', 1, 1, bytes, bytes],
      [bytes, 1.5, 1, bytes, bytes],
      [bytes, 1, -1, bytes, bytes],
      [bytes, 1, 1, 1, 1],
    ])
      expect(call(...args)).toBe(EINVAL)
  })
})
