import { expect, test } from 'vitest'
import { belongsToListener, isUnaccepted, ListenerIndex } from '../../src/sockets/listeners.js'
import { SocketRecord } from '../../src/sockets/record.js'
import { CLOSE_WAIT, ESTABLISHED, FIN_WAIT_2, LISTENING, SYN_RECV, TIME_WAIT } from '../../src/sockets/states.js'

function socket(fields: Partial<SocketRecord>): SocketRecord {
  return Object.assign(new SocketRecord(), { protocol: 'tcp', family: 2, localPort: 80, ...fields })
}
const listener = (fields: Partial<SocketRecord>): SocketRecord => socket({ state: LISTENING, ...fields })
const child = (fields: Partial<SocketRecord>): SocketRecord => socket({ state: ESTABLISHED, inode: 0, ...fields })

function indexOf(...listeners: SocketRecord[]): ListenerIndex {
  const index = new ListenerIndex()
  for (const each of listeners) index.add(each)
  return index
}
const inodes = (index: ListenerIndex, of: SocketRecord): number[] => index.find(of).map(found => found.inode)

test('only complete connections without a file wait in an accept queue', () => {
  expect(isUnaccepted(child({}))).toBe(true)
  expect(isUnaccepted(child({ state: CLOSE_WAIT }))).toBe(true)
  expect(isUnaccepted(child({ inode: 5 }))).toBe(false)
  for (const state of [TIME_WAIT, FIN_WAIT_2, SYN_RECV]) expect(isUnaccepted(child({ state }))).toBe(false)
  expect(isUnaccepted(child({ protocol: 'udp' }))).toBe(false)
  expect(belongsToListener(child({ state: SYN_RECV }))).toBe(true)
})

test('an exact address goes before the wildcard', () => {
  const index = indexOf(listener({ inode: 1 }), listener({ inode: 2, local0: 0x7f000001 }))
  expect(inodes(index, child({ local0: 0x7f000001 }))).toEqual([2])
  expect(inodes(index, child({ local0: 0x0a000001 }))).toEqual([1])
  expect(inodes(index, child({ local0: 0x0a000001, localPort: 81 }))).toEqual([])
})

test('a mapped connection belongs to the dual-stack listener, an IPv4 one never does', () => {
  const index = indexOf(listener({ inode: 1 }), listener({ inode: 6, family: 10 }))
  const mapped = { family: 10, local2: 0xffff, local3: 0x7f000001 }
  expect(inodes(index, child(mapped))).toEqual([6])
  expect(inodes(index, child({ local0: 0x7f000001 }))).toEqual([1])
  expect(inodes(indexOf(listener({ inode: 6, family: 10 })), child({ local0: 0x7f000001 }))).toEqual([])
  expect(inodes(indexOf(listener({ inode: 7, ...mapped })), child(mapped))).toEqual([7])
})

test('a listener of the interface goes before a free one, and one of another interface never matches', () => {
  const index = indexOf(listener({ inode: 1 }), listener({ inode: 2, ifindex: 2 }), listener({ inode: 3, ifindex: 3 }))
  expect(inodes(index, child({ ifindex: 2 }))).toEqual([2])
  expect(inodes(index, child({}))).toEqual([1])
  expect(inodes(indexOf(listener({ inode: 3, ifindex: 3 })), child({ ifindex: 2 }))).toEqual([])
})

test('listeners that share a port by SO_REUSEPORT are all named; other namespaces and protocols are not', () => {
  const index = indexOf(
    listener({ inode: 1 }),
    listener({ inode: 2 }),
    listener({ inode: 3, netns: 1 }),
    listener({ inode: 4, protocol: 'mptcp' }),
    socket({ inode: 5, state: ESTABLISHED }),
  )
  expect(inodes(index, child({}))).toEqual([1, 2])
  expect(inodes(index, child({ netns: 1 }))).toEqual([3])
})
