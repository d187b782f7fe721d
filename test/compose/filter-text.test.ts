import { expect, test } from 'vitest'
import { parseFilterText } from '../../src/compose/filter-text.js'
import { UsageError } from '../../src/errors/index.js'

function refusal(text: string): UsageError {
  try {
    parseFilterText(text, () => [])
  } catch (error) {
    if (error instanceof UsageError) return error
  }
  throw new Error('not refused')
}

test('an error in a long filter shows what stands around its column', () => {
  const many = Array.from({ length: 2000 }, (_, index) => `sport = :${index}`).join(' or ')
  const { message, hints } = refusal(`${many} or sport = :x or ${many}`)
  const [shown, mark] = hints
  expect(shown!.length).toBeLessThanOrEqual(78)
  expect(shown).toMatch(/^\.\.\..* or sport = :x or .*\.\.\.$/)
  expect(shown!.slice(mark!.indexOf('^'))).toMatch(/^:?x or /)
  expect(message).toContain(`at column ${many.length + 13}`)
})

test('a short filter is shown whole', () => {
  expect(refusal('sport = :x').hints.slice(0, 2)).toEqual(['sport = :x', '        ^'])
})

test.each([
  ['sport = :70000', 'Expected a port from 0 to 65535, found ":70000"'],
  ['dport >= 65536', 'Expected a port from 0 to 65535'],
  ['sport = 1-70000', 'Expected a port from 0 to 65535'],
  ['dst 127.0.0.1:70000', 'Expected a port from 0 to 65535'],
  ['dport = vsock:4294967296', 'Expected a port number'],
])('%s names no port', (text, why) => {
  expect(refusal(text).message).toContain(why)
})

test('ports of netlink and vsock have 32 bits', () => {
  for (const text of ['sport = :65535', 'dport = vsock:70000', 'sport = netlink:100000', 'dst vsock:2:100000']) {
    expect(() => parseFilterText(text, () => [])).not.toThrow()
  }
})
