import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CookieWindow } from '../../src/sockets/cookies.js'

/** What the window remembers at least. */
const REMEMBERED = 32_768

describe('cookies seen in a dump', () => {
  test('within its window it is a set', () => {
    // Few distinct words, so that halves collide, and runs of a counter, as the kernel numbers sockets.
    const word = fc.oneof(fc.nat(6), fc.constantFrom(-1, 0x7fffffff, -0x80000000, 4096, 8192), fc.integer())
    const cookies = fc.oneof(
      fc.array(fc.tuple(word, word), { maxLength: 300 }),
      fc
        .tuple(fc.integer(), fc.integer({ min: 2000, max: 9000 }), fc.nat(50))
        .map(([from, count, back]) =>
          Array.from({ length: count }, (_, at): [number, number] => [(from + (at % (count - back))) | 0, 0]),
        ),
    )
    fc.assert(
      fc.property(cookies, list => {
        const window = new CookieWindow()
        const set = new Set<string>()
        for (const [low, high] of list) {
          const key = `${low} ${high}`
          expect(window.add(low, high)).toBe(key === '0 0' || !set.has(key))
          set.add(key)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('both halves count, and what has no cookie is never known', () => {
    const window = new CookieWindow()
    expect([window.add(1, 0), window.add(1, 1), window.add(0, 1), window.add(0, 0)]).toEqual([true, true, true, true])
    expect([window.add(1, 0), window.add(1, 1), window.add(0, 1), window.add(0, 0)]).toEqual([
      false,
      false,
      false,
      true,
    ])
  })

  test('of a very large dump it remembers the last 32,768 at any moment', () => {
    const window = new CookieWindow()
    let wrong = 0
    for (let cookie = 1; cookie < 400_000; cookie++) {
      if (!window.add(cookie, 0)) wrong++
      if (cookie % 997 !== 0) continue
      for (const back of [0, 1, 1000, REMEMBERED - 1]) if (cookie > back && window.add(cookie - back, 0)) wrong++
    }
    expect(wrong).toBe(0)
  })

  test('its memory is bounded: what is long past may come again', () => {
    const window = new CookieWindow()
    for (let cookie = 1; cookie < 400_000; cookie++) window.add(cookie, 0)
    expect(window.add(1, 0)).toBe(true)
  })

  test('cookies that collide in every low bit are still told apart', () => {
    const window = new CookieWindow()
    for (let high = 0; high < 3000; high++) expect(window.add(7, high)).toBe(true)
    for (let high = 0; high < 3000; high++) expect(window.add(7, high)).toBe(false)
  })
})
