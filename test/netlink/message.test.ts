import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeRequest, NLM_F_DUMP, NLM_F_REQUEST, walkMessages } from '../../src/netlink/message.js'
import { concat } from '../sockets/diag/build.js'
import { hex, view } from '../sockets/diag/samples.js'
import { done, message, refused } from './fake.js'

interface Seen {
  type: number
  start: number
  end: number
}

function walk(
  bytes: Uint8Array,
  start = 0,
  limit = bytes.length,
): { seen: Seen[]; end: ReturnType<typeof walkMessages> } {
  const seen: Seen[] = []
  const end = walkMessages(view(bytes), start, limit, (type, from, to) => seen.push({ type, start: from, end: to }))
  return { seen, end: { ...end } }
}

const FINE = { done: false, errno: 0, interrupted: false, damagedBytes: 0 }

/** What a 6.18 kernel without SCTP answers: the refusal sits in the payload of DONE. */
const NO_SCTP = hex(`
  14000000 // length 20
  0300     // NLMSG_DONE
  0200     // NLM_F_MULTI
  01000000 // sequence
  15660000 // port id
  feffffff // -ENOENT
`)

/** The same kernel's answer to address family 99. */
const NO_FAMILY = hex(`
  5c000000 // length 92
  0200     // NLMSG_ERROR
  0000     // flags
  07000000 // sequence
  15660000 // port id
  eaffffff // -EINVAL
  48000000 14000103 07000000 00000000 // header of the request
  63060000 ff0f0000 000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
`)

describe('requests', () => {
  test('a request is a header, the payload and attributes, each aligned to four bytes', () => {
    const bytes = encodeRequest(20, NLM_F_REQUEST | NLM_F_DUMP, 7, Uint8Array.of(1, 2, 3, 4, 5), [
      { type: 1, payload: Uint8Array.of(9) },
      { type: 3, payload: Uint8Array.of(1, 2, 3, 4) },
    ])
    expect(bytes).toEqual(
      hex(`
        28000000          // length 40
        1400              // SOCK_DIAG_BY_FAMILY
        0103              // request, dump
        07000000          // sequence
        00000000          // port id
        0102030405 000000 // payload, padding
        0500 0100 09 000000 // attribute 1, padding
        0800 0300 01020304  // attribute 3
      `),
    )
  })

  test('a request reads back as one message with its payload', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), payload => {
        const bytes = encodeRequest(20, 0, 1, payload)
        const { seen, end } = walk(bytes)
        expect(end).toEqual(FINE)
        expect(seen).toHaveLength(1)
        expect(bytes.slice(16, 16 + payload.length)).toEqual(payload)
        expect(bytes.length % 4).toBe(0)
      }),
    )
  })
})

describe('answers', () => {
  test('each message is visited with the bounds of its payload, unpadded', () => {
    const bytes = concat(message(20, new Uint8Array(5)), message(21, new Uint8Array(8)))
    expect(walk(bytes)).toEqual({
      seen: [
        { type: 20, start: 16, end: 21 },
        { type: 21, start: 40, end: 48 },
      ],
      end: FINE,
    })
  })

  test('only the part between start and limit is read', () => {
    const bytes = concat(message(1, new Uint8Array(4)), message(20, new Uint8Array(4)), message(21, new Uint8Array(4)))
    expect(walk(bytes, 20, 40).seen).toEqual([{ type: 20, start: 36, end: 40 }])
  })

  test('DONE ends the walk, and what follows it is not looked at', () => {
    const { seen, end } = walk(concat(message(20, new Uint8Array(4)), done(), message(20, new Uint8Array(4))))
    expect(seen).toHaveLength(1)
    expect(end).toEqual({ ...FINE, done: true })
  })

  test('an errno in the payload of DONE is a refusal', () => {
    expect(walk(NO_SCTP)).toEqual({ seen: [], end: { ...FINE, done: true, errno: 2 } })
  })

  test('an NLMSG_ERROR is a refusal, and with errno 0 an acknowledgement', () => {
    expect(walk(NO_FAMILY)).toEqual({ seen: [], end: { ...FINE, done: true, errno: 22 } })
    expect(walk(refused(0)).end).toEqual({ ...FINE, done: true })
  })

  test('a DONE without payload, as old kernels send it, is no refusal', () => {
    expect(walk(message(3, new Uint8Array(0))).end).toEqual({ ...FINE, done: true })
  })

  test('an errno without its sign is no success', () => {
    expect(walk(refused(-5)).end.errno).toBe(5)
    expect(walk(refused(0x80000000)).end.errno).toBe(2 ** 31)
  })

  test('NLM_F_DUMP_INTR of any message says that the table changed', () => {
    const bytes = concat(message(20, new Uint8Array(4), 0x12), done())
    expect(walk(bytes).end).toEqual({ ...FINE, done: true, interrupted: true })
  })

  test('one answer leaves nothing behind for the next', () => {
    walk(NO_FAMILY)
    walk(message(20, new Uint8Array(4), 0x10))
    expect(walk(message(20, new Uint8Array(4))).end).toEqual(FINE)
  })

  test('an answer may be read while another one is', () => {
    const outer = concat(message(20, new Uint8Array(4), 0x12), message(21, new Uint8Array(4)))
    const types: number[] = []
    const end = walkMessages(view(outer), 0, outer.length, type => {
      types.push(type)
      expect(walk(NO_FAMILY).end.errno).toBe(22)
    })
    expect(types).toEqual([20, 21])
    expect(end).toEqual({ ...FINE, interrupted: true })
  })

  test('missing padding behind the last message is no damage', () => {
    const bytes = message(20, new Uint8Array(5)).slice(0, 21)
    expect(walk(bytes)).toEqual({ seen: [{ type: 20, start: 16, end: 21 }], end: FINE })
  })

  test('a datagram cut anywhere gives whole messages only and counts the rest', () => {
    const bytes = concat(message(20, new Uint8Array(8)), message(21, new Uint8Array(8)))
    for (let length = 0; length < bytes.length; length++) {
      const { seen, end } = walk(bytes.slice(0, length))
      expect(seen).toHaveLength(length < 24 ? 0 : 1)
      expect(end.damagedBytes).toBe(length % 24)
      expect(end.done).toBe(false)
    }
  })

  test.each([0, 1, 15, 25, 0x7fffffff, 0x80000000, 0xffffffff])('a length of %d ends the walk as damage', length => {
    const bytes = concat(message(20, new Uint8Array(8)), message(20, new Uint8Array(8)))
    view(bytes).setUint32(24, length, true)
    const { seen, end } = walk(bytes)
    expect(seen).toHaveLength(1)
    expect(end).toEqual({ ...FINE, damagedBytes: 24 })
  })

  test('any bytes end: messages lie inside, one behind the other, and damage is what is left', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(299)), (bytes, zeros) => {
        for (const at of zeros) if (at < bytes.length) bytes[at] = 0
        const { seen, end } = walk(bytes)
        let at = 0
        for (const one of seen) {
          expect(one.start).toBe(at + 16)
          expect(one.end).toBeGreaterThanOrEqual(one.start)
          expect(one.end).toBeLessThanOrEqual(bytes.length)
          at = (one.end + 3) & ~3
        }
        if (!end.done) expect(end.damagedBytes).toBe(Math.max(0, bytes.length - at))
      }),
    )
  })
})
