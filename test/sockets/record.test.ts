import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ATTRIBUTE_SLOTS, SocketRecord } from '../../src/sockets/record.js'
import { attribute, concat, u32 } from './diag/build.js'
import { view } from './diag/samples.js'

function withAttributes(...attributes: Uint8Array[]): SocketRecord {
  const record = new SocketRecord()
  const bytes = concat(...attributes)
  record.setAttributes(view(bytes), 0, bytes.length)
  return record
}

describe('attributes of a record', () => {
  test('are found by number, wherever they stand, with their length', () => {
    const record = withAttributes(attribute(2, Uint8Array.of(1, 2, 3)), attribute(0, u32(7)))
    expect([record.attribute(2), record.attributeLength(2)]).toEqual([4, 3])
    expect([record.attribute(0), record.attributeLength(0)]).toEqual([12, 4])
    expect([record.attribute(1), record.attributeLength(1)]).toEqual([-1, 0])
  })

  test('flags in the upper bits of the number are not part of it', () => {
    expect(withAttributes(attribute(0x8000 | 19, u32(1))).attribute(19)).toBe(4)
    expect(withAttributes(attribute(0x4000 | 19, u32(1))).attribute(19)).toBe(4)
  })

  test('a number that no kernel has yet is passed over', () => {
    const record = withAttributes(attribute(ATTRIBUTE_SLOTS, u32(1)), attribute(0x3fff, u32(1)), attribute(22, u32(1)))
    expect(record.attribute(22)).toBe(20)
  })

  test('of an attribute that comes twice the last one counts', () => {
    expect(withAttributes(attribute(5, u32(1)), attribute(5, u32(2))).attribute(5)).toBe(12)
  })

  test('a new message leaves nothing of the one before', () => {
    const record = withAttributes(attribute(5, u32(1)))
    expect(record.attribute(5)).toBe(4)
    record.setAttributes(view(concat(attribute(6, u32(1)))), 0, 8)
    expect([record.attribute(5), record.attributeLength(5), record.attribute(6)]).toEqual([-1, 0, 4])
    record.clearParts()
    expect([record.attribute(6), record.attributesEnd, record.messageEnd]).toEqual([-1, 0, 0])
  })

  test('any bytes are walked to an end, and every payload lies inside', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), bytes => {
        const record = new SocketRecord()
        record.setAttributes(view(bytes), 0, bytes.length)
        for (let type = 0; type < ATTRIBUTE_SLOTS; type++) {
          const at = record.attribute(type)
          const length = record.attributeLength(type)
          if (at < 0) expect(length).toBe(0)
          else expect(at >= 4 && length >= 0 && at + length <= bytes.length).toBe(true)
        }
      }),
    )
  })
})

describe('a copy of a record', () => {
  test('keeps its attributes when the record is filled again', () => {
    const record = withAttributes(attribute(5, u32(1)))
    expect(record.attribute(5)).toBe(4)
    const copies = [record.copy(), Object.assign(new SocketRecord(), record)]
    record.setAttributes(view(concat(attribute(6, u32(1)), attribute(5, u32(2)))), 0, 16)
    expect(record.attribute(5)).toBe(12)
    for (const copy of copies) expect([copy.attribute(5), copy.attribute(6)]).toEqual([4, -1])
  })

  test('keeps its parts when the record is filled again', () => {
    const record = new SocketRecord()
    record.inode = 7
    record.unix = { path: '/a', peerInode: 1, peerPath: null, pendingInodes: [1, 2] }
    record.netlink = { protocol: 0, portId: 1, peerPortId: 0, peerGroup: 0, groups: [3], flags: null }
    record.other = { localAddress: '1', localPort: 2, peerAddress: '3', peerPort: 4 }
    const copy = record.copy()
    record.inode = 8
    record.unix.path = '/b'
    record.unix.pendingInodes.length = 0
    record.netlink.groups!.length = 0
    record.other.localAddress = '9'
    expect(copy.inode).toBe(7)
    expect(copy.unix).toEqual({ path: '/a', peerInode: 1, peerPath: null, pendingInodes: [1, 2] })
    expect(copy.netlink?.groups).toEqual([3])
    expect(copy.other?.localAddress).toBe('1')
    expect(copy.packet).toBeNull()
  })
})
