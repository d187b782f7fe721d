import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { printable } from '../../src/bytes/printable.js'

describe('printable', () => {
  it.each([
    ['plain text, ünïcode and 漢字 and \u{1f600}', 'plain text, ünïcode and 漢字 and \u{1f600}'],
    ['\u001b[2J\u0007', '\\x1b[2J\\x07'],
    ['a\nb\tc\0', 'a\\x0ab\\x09c\\x00'],
    ['\u007f\u009b31m', '\\x7f\\x9b31m'],
    ['evil\u202etxt.exe\u2066', 'evil\\u{202e}txt.exe\\u{2066}'],
    ['half \ud83d pair', 'half \\u{d83d} pair'],
  ])('%j', (text, safe) => {
    expect(printable(text)).toBe(safe)
  })

  it('lets no control character through, and changes a safe text no further', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        const safe = printable(text)
        expect(safe).not.toMatch(/\p{Cc}|\p{Bidi_Control}|\p{Cs}/u)
        expect(printable(safe)).toBe(safe)
      }),
    )
  })
})
