// Capture files as they come: files, pipes, FIFOs, compressed, cut, growing, and what is none.

import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import zlib from 'node:zlib'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { openCaptureFile } from '../../src/adapters/capture-file.js'
import type { PacketSource } from '../../src/ports/capture.js'
import { block, enhancedBlock, interfaceBlock, pcapHead, pcapRecord, sectionBlock } from '../capture/bytes.js'

const folder = fs.mkdtempSync(join(tmpdir(), 'netkit-capture-'))
afterAll(() => fs.rmSync(folder, { recursive: true }))

let made = 0
function makeFile(bytes: Uint8Array): string {
  const path = join(folder, `${made++}.pcap`)
  fs.writeFileSync(path, bytes)
  return path
}

/** Packets whose payload is no use to a compressor. */
function makeCapture(packets: number): Uint8Array {
  let random = 1
  const data = Uint8Array.from({ length: 200 }, () => {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0
    return random >>> 24
  })
  const records = Array.from({ length: packets }, (_, at) => {
    const own = data.slice()
    new DataView(own.buffer).setUint32(0, Math.imul(at, 2654435761))
    return pcapRecord(true, { seconds: at, data: own })
  })
  return Buffer.concat([pcapHead(), ...records])
}

/** Times of all packets, as they are in `makeCapture`; frames are counted from 1. */
async function drain(source: PacketSource): Promise<number> {
  let packets = 0
  do {
    while (source.next()) {
      expect(source.packet.seconds).toBe(packets)
      packets++
    }
  } while (await source.more())
  expect(source.packet.frame).toBe(packets)
  return packets
}

const BIG = makeCapture(30_000)

describe('a capture file', () => {
  it('of many windows gives every packet once, and tells how far it is', async () => {
    const path = makeFile(BIG)
    const source = await openCaptureFile(path)
    expect(source.format).toBeNull()
    expect(source.bytesTotal).toBe(BIG.length)
    expect(await drain(source)).toBe(30_000)
    expect(source).toMatchObject({ format: 'pcap', bytesRead: BIG.length, flaws: [], timestampSource: 'file' })
    source.close()
    source.close()
    expect(await source.more()).toBe(false)
  })

  it('may have a block that is longer than a window', async () => {
    const long = block(true, 0x0bad, [new Uint8Array(5_000_000)])
    const packet = enhancedBlock(true, {})
    const bytes = Buffer.concat([sectionBlock(true), interfaceBlock(true, 1), packet, long, packet, long, packet])
    const source = await openCaptureFile(makeFile(bytes))
    let packets = 0
    do while (source.next()) packets++
    while (await source.more())
    expect(packets).toBe(3)
    expect(source.flaws).toEqual([])
  })

  it('that is cut gives what it holds, and a flaw', async () => {
    const source = await openCaptureFile(makeFile(BIG.subarray(0, BIG.length - 1)))
    expect(await drain(source)).toBe(29_999)
    expect(source.flaws).toMatchObject([{ fatal: true, offset: BIG.length - 216 }])
  })

  it('can be stopped, and what is at hand can still be taken', async () => {
    const source = await openCaptureFile(makeFile(BIG))
    expect(await source.more()).toBe(true)
    source.stop()
    expect(await source.more()).toBe(false)
    expect(source.next()).toBe(true)
    expect(source.flaws).toEqual([])
    source.close()
  })

  it('leaves no descriptor open', async () => {
    const path = makeFile(BIG)
    const open = (): number => fs.readdirSync('/proc/self/fd').length
    const before = open()
    for (let round = 0; round < 20; round++) {
      const source = await openCaptureFile(path)
      if (round % 2 === 0) await source.more()
      source.close()
    }
    // A read that is under way ends first.
    await vi.waitFor(() => expect(open()).toBeLessThanOrEqual(before))
  })
})

describe('a capture in a pipe', () => {
  /** Writes to a FIFO by another process. */
  function makeFifo(bytes: Uint8Array): string {
    const path = join(folder, `fifo-${made++}`)
    expect(spawnSync('mkfifo', [path]).status).toBe(0)
    spawn('sh', ['-c', `cat ${makeFile(bytes)} > ${path}`], { stdio: 'ignore' })
    return path
  }

  it('gives the same packets', async () => {
    const source = await openCaptureFile(makeFifo(BIG))
    expect(await drain(source)).toBe(30_000)
    expect(source).toMatchObject({ format: 'pcap', flaws: [], bytesRead: BIG.length, bytesTotal: null })
  })

  it('may be compressed', async () => {
    const source = await openCaptureFile(makeFifo(zlib.gzipSync(BIG)))
    expect(await drain(source)).toBe(30_000)
    expect(source).toMatchObject({ format: 'pcap+gzip', flaws: [] })
  })

  it('that is silent can be given up', async () => {
    const path = join(folder, `fifo-${made++}`)
    spawnSync('mkfifo', [path])
    const source = await openCaptureFile(path)
    const waiting = source.more()
    source.stop()
    expect(await waiting).toBe(false)
    source.close()
  })
})

describe('a compressed capture', () => {
  it('with gzip, of several members, gives every packet', async () => {
    const parts = [BIG.subarray(0, 1000), BIG.subarray(1000, 4_000_000), BIG.subarray(4_000_000)]
    const packed = Buffer.concat(parts.map(part => zlib.gzipSync(part)))
    const source = await openCaptureFile(makeFile(packed))
    expect(await drain(source)).toBe(30_000)
    expect(source).toMatchObject({
      format: 'pcap+gzip',
      flaws: [],
      bytesRead: packed.length,
      bytesTotal: packed.length,
    })
  })

  it('that is cut gives what it holds', async () => {
    const packed = zlib.gzipSync(BIG)
    const source = await openCaptureFile(makeFile(packed.subarray(0, packed.length / 2)))
    const packets = await drain(source)
    expect(packets).toBeGreaterThan(14_000)
    expect(source.flaws).toMatchObject([{ fatal: true, message: 'the gzip data is cut: its end is missing' }])
  })

  it('with a wrong checksum gives all, and a flaw', async () => {
    const packed = zlib.gzipSync(BIG)
    packed[packed.length - 6]! ^= 1
    const source = await openCaptureFile(makeFile(packed))
    expect(await drain(source)).toBe(30_000)
    expect(source.flaws).toMatchObject([{ fatal: true, message: 'the gzip data is damaged: incorrect data check' }])
  })

  it('that is damaged gives most of what is before the damage', async () => {
    const packed = zlib.gzipSync(BIG.subarray(0, 24 + 216 * 200))
    // A block of deflate that is of no type (RFC 1951 3.2.3), or distances that lead nowhere.
    packed.fill(0xff, packed.length / 2)
    const source = await openCaptureFile(makeFile(packed))
    let right = 0
    do while (source.next()) if (source.packet.seconds === right) right++
    while (await source.more())
    expect(right).toBeGreaterThan(80)
    expect(source.flaws.some(flaw => flaw.fatal)).toBe(true)
  })

  it('that is a bomb is given up, unless that is wanted', async () => {
    // 80 MB of packets that are all the same shrink a thousand times.
    const record = pcapRecord(true, { seconds: 0, data: new Uint8Array(65_000) })
    const packed = zlib.gzipSync(Buffer.concat([pcapHead(), ...Array.from({ length: 1300 }, () => record)]))
    const count = async (noLimit: boolean): Promise<[number, string[]]> => {
      const source = await openCaptureFile(makeFile(packed), { noLimit })
      let packets = 0
      do while (source.next()) packets++
      while (await source.more())
      return [packets, source.flaws.map(flaw => flaw.message)]
    }
    const [some, flaws] = await count(false)
    expect(some).toBeLessThan(1300)
    expect(flaws).toHaveLength(1)
    expect(flaws[0]).toMatch(/^\d+ bytes of the file became \d+ bytes when they were unpacked/)
    expect(await count(true)).toEqual([1300, []])
  })

  const zstd = spawnSync('zstd', ['-qc'], { input: BIG, maxBuffer: 64 * 1024 * 1024 })
  const PATH = process.env['PATH']

  describe.skipIf(zstd.error !== undefined).each(['the program', 'the package'])('with zstd, by %s', way => {
    const within = async <Value>(work: () => Promise<Value>): Promise<Value> => {
      if (way === 'the package') process.env['PATH'] = folder
      try {
        return await work()
      } finally {
        process.env['PATH'] = PATH
      }
    }

    it('gives every packet, of several frames too', async () => {
      const halves = [BIG.subarray(0, 3_000_001), BIG.subarray(3_000_001)].map(
        half => spawnSync('zstd', ['-qc'], { input: half, maxBuffer: 64 * 1024 * 1024 }).stdout,
      )
      for (const packed of [zstd.stdout, Buffer.concat(halves)]) {
        const source = await openCaptureFile(makeFile(packed))
        expect(await within(() => drain(source))).toBe(30_000)
        expect(source).toMatchObject({ format: 'pcap+zstd', flaws: [], bytesTotal: packed.length })
      }
    })

    it('that is cut gives what it holds', async () => {
      const source = await openCaptureFile(makeFile(zstd.stdout.subarray(0, zstd.stdout.length / 2)))
      expect(await within(() => drain(source))).toBeGreaterThan(10_000)
      expect(source.flaws).toMatchObject([{ fatal: true, message: expect.stringContaining('the zstd data is') }])
    })
  })
})

describe('a file that grows', () => {
  it('is waited for until that is stopped', async () => {
    const bytes = makeCapture(100)
    const half = 24 + 50 * 216 + 100
    const path = makeFile(bytes.subarray(0, half))
    const source = await openCaptureFile(path, { follow: true })
    let packets = 0
    const take = (): void => {
      while (source.next()) packets++
    }
    expect(await source.more()).toBe(true)
    take()
    expect(packets).toBe(50)
    const waiting = source.more()
    fs.appendFileSync(path, bytes.subarray(half))
    expect(await waiting).toBe(true)
    take()
    expect(packets).toBe(100)
    const last = source.more()
    source.stop()
    expect(await last).toBe(false)
    expect(source.flaws).toEqual([])
    source.close()
  })

  it('and is made shorter instead is given up', async () => {
    const path = makeFile(makeCapture(10))
    const source = await openCaptureFile(path, { follow: true })
    await source.more()
    fs.truncateSync(path, 100)
    while (source.next()) expect(source.packet.frame).toBeLessThanOrEqual(10)
    expect(await source.more()).toBe(false)
    expect(source.flaws).toMatchObject([{ fatal: true, message: expect.stringContaining('was made shorter') }])
  })
})

describe('what is no capture file', () => {
  it.each([
    ['a missing file', join(folder, 'missing.pcap'), 2, 'there is no such file'],
    ['a directory', folder, 2, 'is a directory'],
  ])('%s: is refused when it is opened', async (_name, path, exit, words) => {
    await expect(openCaptureFile(path)).rejects.toMatchObject({ exit, message: expect.stringContaining(words) })
  })

  it.each([
    ['an empty file', new Uint8Array(0), 5, 'is empty'],
    ['a text', new TextEncoder().encode('Hello, and so on, and so on'), 5, 'it looks like text'],
    ['gzip in gzip', zlib.gzipSync(zlib.gzipSync(BIG)), 5, 'it begins with 1f 8b'],
    ['nothing but the magic of gzip', Uint8Array.of(0x1f, 0x8b), 5, 'the gzip data is cut'],
  ])('%s: is refused by the first more()', async (_name, bytes, exit, words) => {
    const source = await openCaptureFile(makeFile(bytes))
    await expect(source.more()).rejects.toMatchObject({ exit, message: expect.stringContaining(words) })
    expect(await source.more()).toBe(false)
  })
})
