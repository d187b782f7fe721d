// Every capture of the corpus, damaged in twenty ways: read to an end, without an exception but those with a sentence.

import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { detectCompression, HEAD_BYTES, parserFor } from '../../src/capture/detect.js'
import { NetkitError } from '../../src/errors/index.js'
import { CapturedPacket } from '../../src/wire/captured-packet.js'
import { corpusPath, describeCorpus, readTable } from '../corpus/index.js'
import { mutate } from './mutations.js'

const SEEDS = 20

/** Reads all of it in windows of 64 KiB, looking at each packet; answers how many there are. */
function readAll(file: Uint8Array): number {
  const packet = new CapturedPacket()
  const parser = parserFor(file.subarray(0, HEAD_BYTES), 'x', packet)
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  let packets = 0
  for (let end = Math.min(65_536, file.length); ; end = Math.min(end + 65_536, file.length)) {
    parser.window(view, parser.at, end)
    while (parser.next()) {
      packets++
      const { start, end: last, nanoseconds, seconds, wireLength } = packet
      const isWhole = start >= 0 && start <= last && last <= end && wireLength >= last - start
      if (!isWhole || !(nanoseconds >= 0 && nanoseconds < 1e9) || !Number.isFinite(seconds))
        throw new Error(`packet ${packets} is impossible: ${start}..${last} of ${end}, ${seconds}, ${nanoseconds}`)
    }
    if (parser.ended || end === file.length) break
  }
  parser.finish()
  // A record has 12 bytes at least.
  if (packets > file.length / 12) throw new Error(`${packets} packets in ${file.length} bytes`)
  return packets
}

describeCorpus('damaged captures', () => {
  it(`${SEEDS} seeded mutations of each file are read to an end, or refused in a sentence`, () => {
    const wrong: string[] = []
    let read = 0
    let refused = 0
    for (const { file } of readTable<'file'>('oracle/files.tsv')) {
      let bytes: Uint8Array = readFileSync(corpusPath(file))
      if (detectCompression(bytes) === 'gzip') bytes = gunzipSync(bytes)
      for (let seed = 0; seed < SEEDS; seed++) {
        const began = performance.now()
        try {
          readAll(mutate(bytes, seed))
          read++
        } catch (error) {
          refused++
          if (!(error instanceof NetkitError)) wrong.push(`${file} seed ${seed}: ${(error as Error).stack}`)
        }
        // Not a measurement: a hang is minutes, a file microseconds.
        if (performance.now() - began > 5000) wrong.push(`${file} seed ${seed}: takes too long`)
      }
    }
    expect(wrong).toEqual([])
    expect(read).toBeGreaterThan(refused)
  })
})
