import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RowWriter } from '../../src/render/row-writer.js'

interface Output {
  text: string
  lines: string[]
  chunks: number[]
}

/** Runs `fill` on a writer and gives what came out. */
function written(minimum: readonly number[], gap: number, fill: (rows: RowWriter) => void): Output {
  const parts: Buffer[] = []
  const rows = new RowWriter(bytes => parts.push(Buffer.from(bytes)), minimum, gap)
  fill(rows)
  rows.flush()
  const text = Buffer.concat(parts).toString('utf8')
  const lines = text.split('\n')
  expect(lines.pop()).toBe('')
  return { text, lines, chunks: parts.map(part => part.length) }
}

/** One row of text cells; the last one ends the row. */
function row(rows: RowWriter, ...cells: readonly string[]): void {
  for (const cell of cells.slice(0, -1)) {
    rows.text(cell)
    rows.endCell()
  }
  rows.text(cells.at(-1) ?? '')
  rows.endRow()
}

const table = (minimum: readonly number[], cells: readonly (readonly string[])[], gap = 1): string[] =>
  written(minimum, gap, rows => {
    for (const each of cells) row(rows, ...each)
  }).lines

describe('columns', () => {
  test('are as wide as their widest cell, at least their minimum, with the gap between them', () => {
    const cells = [
      ['a', 'b', 'c'],
      ['long', 'x', 'end'],
    ]
    expect(table([2, 3], cells, 2)).toEqual(['a     b    c', 'long  x    end'])
  })

  test('are not padded at the end of a row', () => {
    expect(table([5, 5], [['a', 'b', 'last']])).toEqual(['a     b     last'])
  })

  test('leave no blanks at the end where the last cell is empty', () => {
    expect(
      table(
        [6, 6],
        [
          ['a', 'b', ''],
          ['a', 'b', 'c'],
        ],
      ),
    ).toEqual(['a      b', 'a      b      c'])
  })

  test('keep an empty cell in the middle', () => {
    expect(table([3, 3], [['a', '', 'c']])).toEqual(['a       c'])
  })

  test('may be of no column at all', () => {
    expect(table([], [['alone'], [''], ['again']])).toEqual(['alone', '', 'again'])
  })

  test('count characters, not bytes', () => {
    const cells = [
      ['é€𝒳', 'a'],
      ['xyz', 'b'],
      ['long', 'c'],
    ]
    expect(table([1], cells)).toEqual(['é€𝒳  a', 'xyz  b', 'long c'])
  })

  test('nothing written is nothing', () => {
    expect(written([1], 1, () => undefined).text).toBe('')
  })
})

describe('later rows', () => {
  /** More rows than are kept back to settle the widths. */
  const SAMPLE = 2048
  const many = Array.from({ length: SAMPLE + 500 }, (_, at) => ['cell', String(at), 'end'])

  test('have the widths that the first ones settled', () => {
    const lines = table([1, 1], many)
    expect(lines).toHaveLength(many.length)
    expect(lines[0]).toBe('cell 0    end')
    expect(lines.at(-1)).toBe('cell 2547 end')
  })

  test('that are wider push their own line only', () => {
    const lines = table([1, 1], [...many, ['much wider', '1', 'end'], ['cell', '1', 'end']])
    expect(lines.slice(-2)).toEqual(['much wider 1    end', 'cell 1    end'])
  })

  test('leave no blanks at the end either', () => {
    const lines = table([1, 1], [...many, ['a', 'b', '']])
    expect(lines.at(-1)).toBe('a    b')
  })

  test('that are wider among the first settle the column for all', () => {
    const lines = table([1, 1], [['cell', '1', 'end'], ['much wider', '1', 'end'], ...many])
    expect(lines[0]).toBe('cell       1    end')
    expect(lines.at(-1)).toBe('cell       2547 end')
  })

  test('keep their widths after a flush', () => {
    const { lines } = written([1], 1, rows => {
      row(rows, 'wide cell', 'a')
      rows.flush()
      row(rows, 'b', 'c')
    })
    expect(lines).toEqual(['wide cell a', 'b         c'])
  })
})

describe('output', () => {
  test('goes out in large pieces of whole rows, and nothing is lost', () => {
    const count = 40_000
    const { lines, chunks } = written([10, 10], 1, rows => {
      for (let at = 0; at < count; at++) {
        rows.number(at)
        rows.endCell()
        rows.ascii('abc')
        rows.endCell()
        rows.ipv4(at)
        rows.endRow()
      }
    })
    expect(lines).toHaveLength(count)
    expect(
      lines.findIndex((line, at) => line !== `${String(at).padEnd(11)}abc        0.0.${at >> 8}.${at & 255}`),
    ).toBe(-1)
    expect(chunks.length).toBeGreaterThan(2)
    for (const length of chunks.slice(0, -1)) expect(length).toBeGreaterThan(200_000)
  })

  test('a chunk is reused after the call: who keeps it must copy it', () => {
    const buffers = new Set<ArrayBufferLike>()
    const rows = new RowWriter(bytes => buffers.add(bytes.buffer), [1], 1)
    for (let at = 0; at < 100_000; at++) row(rows, 'cell', 'end')
    rows.flush()
    expect(buffers.size).toBe(1)
  })

  test('text of any length is written whole, first or later, in the last cell or a padded one', () => {
    const long = 'x'.repeat(300_000)
    expect(table([1], [['a', long]])).toEqual([`a ${long}`])
    expect(
      table(
        [1],
        [
          [long, 'b'],
          ['a', 'b'],
        ],
      ),
    ).toEqual([`${long} b`, `${'a'.padEnd(long.length)} b`])
    const after = table([1], [...Array.from({ length: 3000 }, () => ['a', 'b']), [long, long], ['a', 'b']])
    expect(after.slice(-2)).toEqual([`${long} ${long}`, 'a b'])
  })

  test('columns of some thousand characters are padded in every row', () => {
    const wide = 'w'.repeat(9_000)
    const lines = table([1], [[wide, 'end'], ...Array.from({ length: 300 }, () => ['a', 'end'])])
    expect(lines[0]).toBe(`${wide} end`)
    expect(new Set(lines.slice(1))).toEqual(new Set([`${'a'.padEnd(9_001)}end`]))
    expect(lines).toHaveLength(301)
  })
})

describe('cells', () => {
  const one = (fill: (rows: RowWriter) => void): string =>
    written([], 1, rows => {
      fill(rows)
      rows.endRow()
    }).lines.join('\n')

  test('control characters and direction overrides are escaped', () => {
    expect(one(rows => rows.text('a\x1b[31m\n\t\x7f\u009b\u202e'))).toBe('a\\x1b[31m\\x0a\\x09\\x7f\\x9b\\u{202e}')
  })

  test('no text brings a control character out, or changes where rows and columns end', () => {
    const any = fc.string({ unit: 'binary', maxLength: 30 })
    fc.assert(
      fc.property(fc.array(fc.tuple(any, any), { minLength: 1, maxLength: 8 }), cells => {
        const lines = table([4], cells)
        expect(lines).toHaveLength(cells.length)
        for (const line of lines) expect(line).toMatch(/^[^\x00-\x1f\x7f-\x9f]*$/)
      }),
    )
  })

  test('a whole number is written as String writes it', () => {
    const number = fc.oneof(
      fc.nat(),
      fc.maxSafeNat(),
      fc.nat(15).map(power => 10 ** power),
      fc.nat(15).map(power => 10 ** power - 1),
      fc.constantFrom(0, 9, 10, 0xffffffff, Number.MAX_SAFE_INTEGER),
    )
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 20 }), values => {
        const text = one(rows => {
          for (const value of values) {
            rows.number(value)
            rows.byte(0x2c)
          }
        })
        expect(text).toBe(`${values.join(',')},`)
      }),
    )
  })

  test('an address is written as its four octets, from a signed or unsigned word', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), word => {
        const quad = [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join('.')
        expect(one(rows => rows.ipv4(word))).toBe(quad)
        expect(one(rows => rows.ipv4(word | 0))).toBe(quad)
      }),
    )
  })

  test('rows of any cells come out as a plain layout would make them', () => {
    const cell = fc.string({ unit: 'grapheme-ascii', maxLength: 12 })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell), { maxLength: 20 }),
        fc.integer({ min: 1, max: 3 }),
        (cells, gap) => {
          const width = (column: 0 | 1): number => Math.max(3, ...cells.map(each => each[column].length))
          const expected = cells.map(([a, b, last]) => {
            const head = a.padEnd(width(0) + gap)
            return last === '' ? head + b : `${head}${b.padEnd(width(1) + gap)}${last}`
          })
          expect(table([3, 3], cells, gap)).toEqual(expected)
        },
      ),
    )
  })
})
