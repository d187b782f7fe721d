// What is written is read back as it was, by this reader and by tshark, capinfos and tcpdump.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openCaptureOutput } from '../../src/adapters/capture-output.js'
import { CaptureBuffer } from '../../src/capture/capture-buffer.js'
import { captureFormatOf } from '../../src/capture/capture-writer.js'
import { PcapWriter } from '../../src/capture/pcap-writer.js'
import { PcapngWriter } from '../../src/capture/pcapng-writer.js'
import type { CaptureInterface } from '../../src/ports/capture.js'
import { CapturedPacket } from '../../src/wire/captured-packet.js'
import { parseCapture } from './parse.js'
import { linesOf } from './witness.js'

const folder = mkdtempSync(join(tmpdir(), 'netkit-capture-'))
afterAll(() => rmSync(folder, { recursive: true }))

const INTERFACES: CaptureInterface[] = [
  {
    linkType: 1,
    snapLength: 2000,
    name: 'eth0',
    description: 'the lab',
    filter: 'tcp port 80',
    received: 2 ** 33,
    dropped: 7,
  },
  { linkType: 276, snapLength: null, name: null, description: null, filter: null, received: null, dropped: null },
  { linkType: 1, snapLength: null, name: 'eth1 Ω', description: null, filter: null, received: 4, dropped: 0 },
]

/** An Ethernet frame of `length` bytes with an unknown type, so that nothing in it is decoded. */
function makePacket(at: number, length: number, change: Partial<CapturedPacket> = {}): CapturedPacket {
  const bytes = Uint8Array.from({ length: length + 3 }, (_, byte) => (byte * 7 + at) & 0xff)
  const packet = Object.assign(new CapturedPacket(), {
    data: new DataView(bytes.buffer),
    start: 3,
    end: 3 + length,
    wireLength: length + at,
    seconds: 1_700_000_000 + at,
    nanoseconds: 999_999_999 - at,
    linkType: 1,
  })
  return Object.assign(packet, change)
}

const taken = (out: CaptureBuffer): Uint8Array => out.bytes.slice(0, out.length)

const MANY = Array.from({ length: 300 }, (_, at) => makePacket(at, 14 + at * 3))

describe('a written pcap', () => {
  it('is read back as it was', () => {
    const out = new CaptureBuffer()
    const writer = new PcapWriter(out, 1)
    writer.head()
    for (const packet of MANY) writer.packet(packet)
    writer.end()
    const { packets, flaws, interfaces } = parseCapture(taken(out))
    expect(flaws).toEqual([])
    expect(interfaces).toMatchObject([{ linkType: 1 }])
    expect(packets).toEqual(MANY.map((packet, at) => read(packet, at)))
  })

  it('has no room for two link types', () => {
    const writer = new PcapWriter(new CaptureBuffer(), 1)
    expect(() => writer.packet(makePacket(0, 20, { linkType: 276 }))).toThrow('link types 1 and 276')
  })
})

function read(packet: CapturedPacket, at: number, interfaceId = 0): object {
  const time = `${packet.seconds}.${String(packet.nanoseconds).padStart(9, '0')}`
  return {
    frame: at + 1,
    time: packet.timeKnown ? time : null,
    bytes: new Uint8Array(packet.data.buffer).slice(packet.start, packet.end),
    wireLength: packet.wireLength,
    linkType: packet.linkType,
    interfaceId,
    way: packet.way,
  }
}

describe('a written pcapng', () => {
  const write = (packets: readonly CapturedPacket[]): Uint8Array => {
    const out = new CaptureBuffer()
    const writer = new PcapngWriter(out, INTERFACES, 'netkit test')
    writer.head()
    for (const packet of packets) writer.packet(packet)
    writer.end()
    return taken(out)
  }

  it('is read back as it was: times, ways, interfaces in the order they are met', () => {
    const packets = MANY.map((packet, at) =>
      Object.assign(packet, at % 2 === 0 ? { interfaceId: 2, way: at % 3 } : { interfaceId: 1, linkType: 276 }),
    )
    const { packets: back, flaws, interfaces } = parseCapture(write(packets))
    expect(flaws).toEqual([])
    expect(interfaces).toEqual([INTERFACES[2], INTERFACES[1]])
    expect(back).toEqual(packets.map((packet, at) => read(packet, at, at % 2)))
  })

  it('holds times from before 1970 to far behind 2106', () => {
    for (const seconds of [0, 1, 4_294_967_296, 18_446_744_072]) {
      const [back] = parseCapture(write([makePacket(0, 20, { seconds })])).packets
      expect(back?.time).toBe(`${seconds}.999999999`)
    }
  })

  it('keeps a packet without a time without one', () => {
    const [back] = parseCapture(write([makePacket(0, 21, { timeKnown: false })])).packets
    expect(back).toMatchObject({ time: null, wireLength: 21 })
  })

  it('tells what was dropped', () => {
    expect(parseCapture(write([makePacket(0, 20)])).interfaces).toEqual([INTERFACES[0]])
  })

  it('begins again for the next file of several', () => {
    const out = new CaptureBuffer()
    const writer = new PcapngWriter(out, INTERFACES, 'netkit test')
    for (const id of [0, 2]) {
      out.replace(new Uint8Array(0))
      writer.head()
      writer.packet(makePacket(0, 20, { interfaceId: id }))
      expect(parseCapture(taken(out)).interfaces).toMatchObject([{ name: INTERFACES[id]!.name }])
    }
  })
})

describe.each(['pcap', 'pcapng'] as const)('a file written as %s', format => {
  const path = join(folder, `out.${format}`)
  const packets = Array.from({ length: 2000 }, (_, at) => makePacket(at, 14 + (at % 1500)))
  const options = { format, interfaces: INTERFACES, application: 'netkit test' }

  it('has in batches what was written, for tshark, capinfos and tcpdump too', async () => {
    const output = openCaptureOutput(path, options)
    for (const packet of packets) {
      output.packet(packet)
      if (output.full) await output.flush()
    }
    await output.close()
    await output.close()
    const file = readFileSync(path)
    expect(output.bytes).toBe(file.length)
    expect(output.packets).toBe(2000)
    expect(parseCapture(file).packets).toEqual(packets.map((packet, at) => read(packet, at)))
    const expected = packets.map(
      (packet, at) =>
        `${at + 1} ${packet.seconds}.${String(packet.nanoseconds).padStart(9, '0')} ${packet.wireLength} ${packet.end - packet.start}`,
    )
    const fields = ['frame.number', 'frame.time_epoch', 'frame.len', 'frame.cap_len'].flatMap(field => ['-e', field])
    const shark = linesOf('tshark', '-n', '-r', path, '-T', 'fields', '-E', 'separator= ', ...fields)
    if (shark !== null) expect(shark).toEqual(expected)
    const dump = linesOf('tcpdump', '-n', '-tt', '--nano', '-r', path)
    if (dump !== null) {
      const times = dump.map(line => line.split(' ')[0]).filter(word => /^\d+\.\d{9}$/.test(word!))
      expect(times).toEqual(expected.map(line => line.split(' ')[1]))
    }
    const infos = linesOf('capinfos', '-M', '-c', '-t', '-I', path)?.join('\n')
    if (infos !== undefined) {
      expect(infos).toContain('Number of packets:   2000')
      if (format === 'pcapng') {
        expect(infos).toMatch(/Name = eth0/)
        expect(infos).toMatch(/Description = the lab/)
        expect(infos).toMatch(/Number of stat entries = 1/)
        expect(infos).toMatch(/Time ticks per second = 1000000000/)
      }
    }
  })

  it('may be the file that is read: it takes its place when it is whole', async () => {
    const own = join(folder, `own.${format}`)
    writeFileSync(own, 'before')
    const output = openCaptureOutput(own, { ...options, whole: true })
    output.packet(packets[0]!)
    await output.flush()
    expect(readFileSync(own, 'utf8')).toBe('before')
    await output.close()
    expect(parseCapture(readFileSync(own)).packets).toHaveLength(1)
    expect(readdirSync(folder).filter(name => name.endsWith('.part'))).toEqual([])
  })

  it('without packets is a capture too', async () => {
    const empty = join(folder, `empty.${format}`)
    await openCaptureOutput(empty, { ...options, linkType: 101 }).close()
    expect(parseCapture(readFileSync(empty))).toMatchObject({ packets: [], flaws: [] })
  })
})

it('a file that cannot be made is an error with its name', () => {
  const path = join(folder, 'missing', 'x.pcap')
  const open = (): unknown => openCaptureOutput(path, { format: 'pcap', interfaces: [], application: 'netkit test' })
  expect(open).toThrow(`cannot write ${path}`)
})

it('a full disk is told by flush', async () => {
  const output = openCaptureOutput('/dev/full', { format: 'pcap', interfaces: [], application: 'netkit test' })
  output.packet(makePacket(0, 20))
  await expect(output.flush()).rejects.toThrow('cannot write /dev/full: no space left on device (ENOSPC)')
  await expect(output.close()).rejects.toThrow('ENOSPC')
})

it('the name of a file tells its format', () => {
  expect(['a.pcap', 'a.PCAPNG', 'a.cap', 'a'].map(captureFormatOf)).toEqual(['pcap', 'pcapng', 'pcap', 'pcap'])
})
