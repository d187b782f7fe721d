import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileGlob } from '../../../src/sockets/filter/glob.js'
import {
  compileBytecode,
  compileFilter,
  EMPTY_CONTEXT,
  FILTER_KEYWORDS,
  FilterSyntaxError,
  parseFilter,
  requirements,
  withAddresses,
} from '../../../src/sockets/filter/index.js'
import { audit } from './kernel.js'
import { record } from './records.js'

/** Everything that follows parsing must take whatever the parser lets through. */
function useUp(text: string): void {
  let filter: ReturnType<typeof parseFilter>
  try {
    filter = parseFilter(text, name => (name === 'ssh' ? [22] : []))
  } catch (error) {
    if (!(error instanceof FilterSyntaxError)) throw error
    expect(error.column).toBeGreaterThanOrEqual(0)
    expect(error.column).toBeLessThanOrEqual(text.length)
    expect(error.message).toMatch(/^Expected .*\.$/s)
    expect(error.message).not.toMatch(/[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/)
    return
  }
  requirements(filter)
  const everyName = { get: () => ['10.0.0.1'] } as unknown as ReadonlyMap<string, string[]>
  const resolved = withAddresses(filter, everyName)
  compileFilter(resolved, EMPTY_CONTEXT)(record({}))
  const { bytes } = compileBytecode(resolved, { ...EMPTY_CONTEXT, netns: 0, mayUseMark: true })
  if (bytes && bytes.length < 5000) expect(audit(bytes)).toBe(true)
}

const PIECES = [
  ...FILTER_KEYWORDS,
  ...'= == != < > <= >= ~ !~ eq ne ge leq ( ) ! not and or & && | || , : :: / % * [ ] - " \''.split(' '),
  ...'22 :22 0 65535 65536 99999999999 0x10 8000-8010 ssh 10.0.0.1 10.0.0.0/8 [::1]:22 ::1 fe80::1%lo unix:/run/*'.split(
    ' ',
  ),
  ...'inet: inet6: link:arp netlink:route vsock:2:3 time-wait established 5ms 1.5s 64k /a/b nginx* [a-z]* example.org'.split(
    ' ',
  ),
  '\0',
  '\u001b[31m',
  '\u202e',
  'é',
]
const sentence = fc
  .array(fc.tuple(fc.constantFrom(...PIECES), fc.constantFrom(' ', ' ', '')), { maxLength: 30 })
  .map(pairs => pairs.flat().join(''))

describe('any text', () => {
  it('is a filter or a FilterSyntaxError, when made of the language', () => {
    fc.assert(fc.property(sentence, useUp), { numRuns: 20_000 })
  })

  it('is a filter or a FilterSyntaxError, when made of anything', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), useUp), { numRuns: 5000 })
  })

  it('ends for long texts of one piece over and over', () => {
    for (const piece of ['sport=1 ', 'a', '(', 'not ', '1,', 'dst a-b-c-', '-', ':', '[', '%', '"', 'dst ::1:', '\\']) {
      useUp(piece.repeat(Math.floor(100_000 / piece.length)))
      useUp(`sport = ${piece.repeat(2000)}`)
      useUp(`dst ${piece.repeat(20_000)}`)
      useUp(`comm ~ ${piece.repeat(2000)}`)
    }
  })
})

describe('globs', () => {
  it('match as fnmatch does', () => {
    const cases: [string, string, boolean][] = [
      ['*', '', true],
      ['/run/*.sock', '/run/a/b.sock', true],
      ['a?c', 'abc', true],
      ['a?c', 'ac', false],
      ['[a-c]x', 'bx', true],
      ['[!a-c]x', 'bx', false],
      ['[^a-c]x', 'dx', true],
      ['[]]', ']', true],
      ['[a', '[a', true],
      ['\\*', '*', true],
      ['\\*', 'a', false],
      ['a*b*c', 'aXbXbXc', true],
      ['a*b*c', 'aXbXbX', false],
      ['', '', true],
      ['', 'a', false],
    ]
    for (const [glob, text, expected] of cases) expect(compileGlob(glob)(text), `${glob} ${text}`).toBe(expected)
    expect(compileGlob('/RUN/[A-Z]*', true)('/run/app')).toBe(true)
  })

  it('do not explode', () => {
    expect(compileGlob(`${'*a'.repeat(50)}b`)('a'.repeat(5000))).toBe(false)
  })
})
