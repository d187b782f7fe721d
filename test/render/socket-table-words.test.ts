import { describe, expect, test } from 'vitest'
import type { TableOptions } from '../../src/render/socket-table.js'
import { decodePacket } from '../../src/sockets/diag/packet-diag.js'
import { decodeUnix } from '../../src/sockets/diag/unix-diag.js'
import type { SocketLookups } from '../../src/sockets/lookups.js'
import { attribute, concat } from '../sockets/diag/build.js'
import { LISTENER6, MAPPED } from '../sockets/diag/inet-samples.js'
import { hex, PACKET_RING, UNIX_ACCEPTED } from '../sockets/diag/samples.js'
import { decoded, inet, lines, sample } from './table-lines.js'

describe('the rest of a row', () => {
  const holders = {
    holders: () => [
      { pid: 7, name: 'a) \x1b[31mR', fd: 3 },
      { pid: 8, name: 'b', fd: 4 },
    ],
  }

  test('names every holder, with a clean terminal', () => {
    const [line] = lines([sample(MAPPED)], { processes: true }, holders)
    expect(line).toMatch(/ users:\(\("a\) \\x1b\[31mR",pid=7,fd=3\),\("b",pid=8,fd=4\)\)$/)
  })

  test('and holders of the other end of a unix socket', () => {
    const peers = { peerHolders: () => [{ pid: 9, name: 'c', fd: 5 }] }
    const [line] = lines([decoded(UNIX_ACCEPTED, decodeUnix)], { processes: true }, { ...holders, ...peers })
    expect(line).toMatch(/users:.* peer:\(\("c",pid=9,fd=5\)\)$/)
  })

  test('no holder is no word, and no blank', () => {
    expect(lines([sample(MAPPED)], { processes: true }, { holders: () => [] })[0]).toMatch(/:35312$/)
  })

  test('extras follow on the line, details below it or on it', () => {
    const words: Partial<TableOptions> = {
      extras: (_record, sink) => sink.ascii('uid:7 ino:9 '),
      details: (_record, sink) => sink.ascii('cubic rtt:1 '),
    }
    const below = lines([sample(MAPPED), sample(LISTENER6)], words)
    expect(below).toHaveLength(4)
    expect(below[0]).toMatch(/ uid:7 ino:9$/)
    expect(below[1]).toBe('\tcubic rtt:1')
    expect(below[2]).toMatch(/ accept:0\/5 uid:7 ino:9$/)
    const [line, ...none] = lines([sample(MAPPED)], { ...words, oneLine: true })
    expect(line).toMatch(/ uid:7 ino:9 cubic rtt:1$/)
    expect(none).toEqual([])
  })

  test('details that say nothing leave no line, and details alone no blanks above them', () => {
    expect(lines([sample(MAPPED)], { details: () => undefined })).toHaveLength(1)
    const [line] = lines([sample(MAPPED)], { details: (_record, sink) => sink.ascii('x ') })
    expect(line).toMatch(/:35312$/)
  })
})

test('no name, path or label brings a control character into a table', () => {
  const hostile = 'x\x1b[2J\r\n\t\u009b31m\u202e'
  const path = concat(hex('01 01 01 00 2a000000 07000000 00000000'), attribute(0, Buffer.from(`/${hostile}`)))
  const lookups: Partial<SocketLookups> = {
    service: () => hostile,
    ipProtocol: () => hostile,
    interfaceName: () => hostile,
    netnsLabel: () => hostile,
    hostName: () => hostile,
    holders: () => [{ pid: 1, name: hostile, fd: 1 }],
  }
  const records = [
    decoded(path, decodeUnix),
    inet({ ifindex: 4, localPort: 9, peerPort: 9 }),
    inet({ family: 10, ifindex: 4, local: Array.from({ length: 16 }, () => 1), peerPort: 9 }),
    inet({ state: 7, localPort: 9 }, 'raw'),
    Object.assign(decoded(PACKET_RING, decodePacket), { ifindex: 3 }),
  ]
  const out = lines(
    records,
    {
      netns: true,
      netid: true,
      numeric: false,
      processes: true,
      resolve: true,
      extras: (_, sink) => sink.text(hostile),
    },
    lookups,
  )
  expect(out).toHaveLength(records.length)
  for (const line of out) expect(line).toMatch(/^[^\x00-\x1f\x7f-\x9f\u202e]*$/)
})
