import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openRotatingOutput } from '../../src/adapters/capture-rotation.js'
import { CapturedPacket } from '../../src/wire/captured-packet.js'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nk-rotation-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const options = { format: 'pcap', interfaces: [], application: 'test' } as const

/** 100 bytes that say which packet it is. */
function packetOf(number: number): CapturedPacket {
  const packet = new CapturedPacket()
  packet.data = new DataView(new ArrayBuffer(100))
  packet.data.setUint32(0, number)
  packet.end = 100
  packet.wireLength = 100
  packet.linkType = 1
  packet.seconds = 1_700_000_000 + number
  return packet
}

/** Numbers of the packets of a classic capture: a head of 24 bytes, a record's of 16. */
function numbersIn(file: string): number[] {
  const bytes = readFileSync(join(directory, file))
  const found: number[] = []
  for (let at = 24; at < bytes.length; at += 16 + bytes.readUInt32LE(at + 8)) found.push(bytes.readUInt32BE(at + 16))
  return found
}

describe('a capture in several files', () => {
  it('has every packet once, in files of the size that was asked for', async () => {
    const output = openRotatingOutput(join(directory, 'out.pcap'), options, { bytes: 1000, seconds: null, keep: null })
    for (let number = 0; number < 50; number++) output.packet(packetOf(number))
    await output.close()
    await output.close()
    const files = readdirSync(directory).sort()
    expect(output.files.map(path => path.slice(directory.length + 1))).toEqual(files)
    expect(files.flatMap(numbersIn)).toEqual(Array.from({ length: 50 }, (_, number) => number))
    for (const file of files) expect(statSync(join(directory, file)).size).toBeLessThanOrEqual(1000)
    expect([output.packets, output.bytes]).toEqual([50, files.length * 24 + 50 * 116])
  })

  it('begins a new one by time, and keeps the newest', async () => {
    const output = openRotatingOutput(join(directory, 'out.pcap'), options, { bytes: null, seconds: 10, keep: 2 })
    for (let number = 0; number < 45; number++) {
      output.packet(packetOf(number))
      if (output.full) await output.flush()
    }
    await output.close()
    const files = readdirSync(directory).sort()
    expect(files.map(file => file.slice(0, 9))).toEqual(['out_00004', 'out_00005'])
    expect(files.flatMap(numbersIn)).toEqual(Array.from({ length: 15 }, (_, at) => 30 + at))
  })

  it('says what cannot be written', async () => {
    const output = openRotatingOutput(join(directory, 'gone/out.pcap'), options, { bytes: 1, seconds: null, keep: 1 })
    expect(() => output.packet(packetOf(1))).toThrow(/cannot write .*gone\/out_00001_.*ENOENT/)
    expect(() => openRotatingOutput('-', options, { bytes: 1, seconds: null, keep: 1 })).toThrow(/standard output/)
    await output.close()
  })
})
