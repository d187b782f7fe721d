// The two sinks say the same: what formatters write into a table is what they write into a string.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Label, type TextSink, textOf } from '../../src/bytes/text-sink.js'
import { RowWriter } from '../../src/render/row-writer.js'
import { writeInfo, writeMemory } from '../../src/sockets/details-text.js'
import { decodeInet } from '../../src/sockets/diag/inet-diag.js'
import { SocketRecord } from '../../src/sockets/record.js'
import { TCP_INFO } from '../../src/sockets/tcp-info.js'
import { attribute, concat } from '../sockets/diag/build.js'
import { view } from '../sockets/diag/samples.js'

/** What a row of one cell reads. */
function rowOf(write: (sink: TextSink) => void): string {
  let text = ''
  const rows = new RowWriter(bytes => (text += Buffer.from(bytes).toString()), [], 1)
  write(rows)
  rows.endRow()
  rows.flush()
  return text.slice(0, -1)
}

function both(write: (sink: TextSink) => void): void {
  // A point behind: textOf takes the last blank back.
  const pointed = (sink: TextSink): void => {
    write(sink)
    sink.byte(0x2e)
  }
  expect(rowOf(pointed)).toBe(textOf(pointed))
}

const printableAscii = fc.string({ unit: 'grapheme-ascii', maxLength: 40 })
/** Numbers of every length. */
const whole = fc.tuple(fc.nat(53), fc.maxSafeNat()).map(([bits, value]) => Math.floor(value / 2 ** bits))

const word = fc.oneof(
  printableAscii.map(text => (sink: TextSink) => sink.ascii(text)),
  printableAscii.map(text => (sink: TextSink) => sink.label(new Label(text))),
  fc.string({ unit: 'binary', maxLength: 40 }).map(text => (sink: TextSink) => sink.text(text)),
  whole.map(value => (sink: TextSink) => sink.number(value)),
  fc.tuple(printableAscii, whole).map(
    ([text, value]) =>
      (sink: TextSink) =>
        sink.count(new Label(text), value),
  ),
)

test('words of any kind, labels of any length, numbers of any size', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 60 }), words =>
      both(sink => {
        for (const write of words) write(sink)
      }),
    ),
  )
})

test('numbers at the ends of their lengths', () => {
  const ends = Array.from({ length: 16 }, (_, digits) => 10 ** digits)
  for (const end of [...ends, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63]) {
    for (const value of [end - 1, end, end + 1]) expect(rowOf(sink => sink.number(value))).toBe(String(value))
  }
})

test('text longer than the buffer, followed by words', () => {
  for (const character of ['a', 'é', '\x1b']) {
    both(sink => {
      sink.text(character.repeat(300_000))
      sink.count(new Label(' and a number:'), 4_294_967_295)
    })
  }
})

test('tcp_info and memory of any content', () => {
  const u32 = fc.oneof(fc.constant(0), fc.nat(5000), fc.integer({ min: 0, max: 0xffffffff }))
  const block = (words: number): fc.Arbitrary<Uint8Array> =>
    fc.array(u32, { minLength: words, maxLength: words }).map(values => new Uint8Array(new Uint32Array(values).buffer))
  const message = fc
    .tuple(block(TCP_INFO.size / 4), block(9), block(4), block(5))
    .map(([info, memory, dctcp, bbr]) =>
      concat(new Uint8Array(72), attribute(2, info), attribute(7, memory), attribute(9, dctcp), attribute(16, bbr)),
    )
  fc.assert(
    fc.property(message, fc.boolean(), fc.boolean(), (bytes, numeric, options) => {
      const record = new SocketRecord()
      expect(decodeInet(view(bytes), 0, bytes.length, 'tcp', record)).toBe(true)
      both(sink => writeMemory(record, sink))
      both(sink => writeInfo(record, sink, { numeric, options }))
    }),
  )
})
