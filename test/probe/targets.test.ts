import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/errors/index.js'
import { expandTargets, parseTargetLines } from '../../src/probe/targets.js'

const targets = (...words: string[]): string[] => [...expandTargets(words)].map(({ target }) => target)

function refusal(words: readonly string[], limit?: number): UsageError {
  try {
    for (const _ of expandTargets(words, limit === undefined ? {} : { limit }));
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return error as UsageError
  }
  throw new Error(`${words} was taken`)
}

describe('a single target', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1', 4],
    ['::1', '::1', 6],
    ['2001:DB8:0:0::1', '2001:db8::1', 6],
    ['fe80::1%eth0', 'fe80::1%eth0', 6],
    ['fe80::1%br-0a1b2c', 'fe80::1%br-0a1b2c', 6],
    ['fe80::1%2', 'fe80::1%2', 6],
  ] as const)('%s is an address', (word, address, family) => {
    expect([...expandTargets([word])]).toEqual([{ target: word, address, family }])
  })

  test('brackets around an IPv6 address are taken off', () => {
    expect([...expandTargets(['[2001:db8::1]', '[fe80::1%eth0]'])]).toEqual([
      { target: '2001:db8::1', address: '2001:db8::1', family: 6 },
      { target: 'fe80::1%eth0', address: 'fe80::1%eth0', family: 6 },
    ])
  })

  // inet_aton(3) takes 127.1 and 010.0.0.1, each in its own way: that is left to the C library.
  test.each(['example.net', 'web-1', '127.1', '010.0.0.1', '[192.0.2.1]', '192.0.2.1-static.example.net', 'a-b', ''])(
    '%j is a name',
    word => expect([...expandTargets([word])]).toEqual([{ target: word, address: null, family: null }]),
  )

  test('the same target twice is two targets, in the order given', () => {
    expect(targets('b.example', ' ::1 ', 'b.example')).toEqual(['b.example', '::1', 'b.example'])
  })
})

describe('a prefix', () => {
  // fping -g 192.0.2.0/29 and so on: neither network nor broadcast address below /31.
  test.each([
    ['192.0.2.0/29', ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4', '192.0.2.5', '192.0.2.6']],
    ['192.0.2.5/30', ['192.0.2.5', '192.0.2.6']],
    ['192.0.2.4/255.255.255.252', ['192.0.2.5', '192.0.2.6']],
    ['192.0.2.0/31', ['192.0.2.0', '192.0.2.1']],
    ['192.0.2.7/32', ['192.0.2.7']],
    ['2001:db8::/126', ['2001:db8::', '2001:db8::1', '2001:db8::2', '2001:db8::3']],
    ['2001:db8::ffff:ffff/127', ['2001:db8::ffff:fffe', '2001:db8::ffff:ffff']],
    ['fe80::%eth0/127', ['fe80::%eth0', 'fe80::1%eth0']],
  ])('%s', (word, expected) => expect(targets(word)).toEqual(expected))

  test('a /24 has 254 targets, a /16 65,534', () => {
    expect(targets('198.51.100.0/24')).toHaveLength(254)
    const all = targets('10.1.0.0/16')
    expect([all.length, all[0], all[255], all.at(-1)]).toEqual([65_534, '10.1.0.1', '10.1.1.0', '10.1.255.254'])
  })

  test('those of an IPv4 prefix are the addresses inside it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 22, max: 32 }), (word, length) => {
        const text = [24, 16, 8, 0].map(shift => (word >>> shift) & 255).join('.')
        const size = 2 ** (32 - length)
        const network = Math.floor(word / size) * size
        const numbers = targets(`${text}/${length}`).map(target =>
          target.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0),
        )
        const all = Array.from({ length: size }, (_, at) => network + at)
        expect(numbers).toEqual(length < 31 ? all.slice(1, -1) : all)
      }),
    )
  })

  test.each([
    ['192.0.2.0/33', '192.0.2.0/33 is no prefix: its length is a number from 0 to 32, not 33'],
    ['192.0.2.0/', '192.0.2.0/ is no prefix: its length is a number from 0 to 32, not nothing'],
    [
      '192.0.2.0/255.0.255.0',
      '192.0.2.0/255.0.255.0 is no prefix: its length is a number from 0 to 32, not 255.0.255.0',
    ],
    ['::1/129', '::1/129 is no prefix: its length is a number from 0 to 128, not 129'],
    ['example.net/24', 'example.net/24 is no target: before the / of a prefix there is an address'],
    ['http://example.net/', 'http://example.net/ is no target: before the / of a prefix there is an address'],
    ['010.0.0.0/24', '010.0.0.0/24 is no target: before the / of a prefix there is an address'],
  ])('%s is refused', (word, message) => expect(refusal([word]).message).toBe(message))
})

describe('a range', () => {
  test.each([
    ['10.0.0.1-10.0.0.3', ['10.0.0.1', '10.0.0.2', '10.0.0.3']],
    ['10.0.0.254-10.0.1.1', ['10.0.0.254', '10.0.0.255', '10.0.1.0', '10.0.1.1']],
    ['10.0.0.1-3', ['10.0.0.1', '10.0.0.2', '10.0.0.3']],
    ['10.0.0.5-5', ['10.0.0.5']],
    ['2001:db8::fffe-2001:db8::1:0', ['2001:db8::fffe', '2001:db8::ffff', '2001:db8::1:0']],
    ['::ffff:ffff-::1:0:0', ['::ffff:ffff', '::1:0:0']],
    ['0:0:0:1:ffff:ffff:ffff:ffff-0:0:0:2::', ['::1:ffff:ffff:ffff:ffff', '0:0:0:2::']],
    ['fe80::1%eth0-fe80::2', ['fe80::1%eth0', 'fe80::2%eth0']],
    ['fe80::1%eth0-fe80::2%eth0', ['fe80::1%eth0', 'fe80::2%eth0']],
  ])('%s', (word, expected) => expect(targets(word)).toEqual(expected))

  test('ten thousand addresses from anywhere are ten thousand different ones in order', () => {
    const all = targets('10.0.0.200-10.0.39.215')
    expect(all).toHaveLength(39 * 256 + 16)
    expect(new Set(all).size).toBe(all.length)
  })

  test.each([
    ['10.0.0.1-300', '10.0.0.1-300 is no range: an IPv4 address, or its last number, follows the dash, not 300'],
    [
      '10.0.0.1-10.0.0',
      '10.0.0.1-10.0.0 is no range: an IPv4 address, or its last number, follows the dash, not 10.0.0',
    ],
    ['10.0.0.1-', '10.0.0.1- is no range: an IPv4 address, or its last number, follows the dash, not nothing'],
    ['10.0.0.1-::1', '10.0.0.1-::1 is no range: an IPv4 address, or its last number, follows the dash, not ::1'],
    ['::1-10.0.0.1', '::1-10.0.0.1 is no range: an IPv6 address follows the dash, not 10.0.0.1'],
    ['fe80::1%a-fe80::2%b', 'fe80::1%a-fe80::2%b is no range: an IPv6 address follows the dash, not fe80::2%b'],
    ['10.0.0.9-3', '10.0.0.9-3 is no range: it ends before it begins'],
    ['2001:db9::-2001:db8::', '2001:db9::-2001:db8:: is no range: it ends before it begins'],
  ])('%s is refused', (word, message) => expect(refusal([word]).message).toBe(message))
})

describe('too many', () => {
  test.each([
    ['10.0.0.0/8', '10.0.0.0/8 is 16,777,214 targets, which is over 131,072', '10.0.0.0/15'],
    ['0.0.0.0/0', '0.0.0.0/0 is 4,294,967,294 targets, which is over 131,072', '0.0.0.0/15'],
    ['2001:db8::/64', '2001:db8::/64 is 2^64 targets, which is over 131,072', '2001:db8::/111'],
    ['::/0', '::/0 is 2^128 targets, which is over 131,072', '::/111'],
  ])('%s is refused with a prefix that is not', (word, message, shorter) => {
    const error = refusal([word])
    expect(error.message).toBe(message)
    expect(error.hints).toEqual([`take a longer prefix: ${shorter}`, 'probe fewer at a time'])
    expect(targets(shorter).length).toBeLessThanOrEqual(131_072)
  })

  test('a range is refused as well', () => {
    expect(refusal(['10.0.0.0-10.255.255.255']).message).toBe(
      '10.0.0.0-10.255.255.255 is 16,777,216 targets, which is over 131,072',
    )
  })

  test('all words count together', () => {
    expect([...expandTargets(['10.0.0.0/16', '10.1.0.0/16'])]).toHaveLength(131_068)
    expect(refusal(['10.0.0.0/16', '10.1.0.0/16', '10.2.0.0/28']).message).toBe(
      'with 10.2.0.0/28 there are 131,082 targets and more, which is over 131,072',
    )
    expect(refusal(['a', 'b', 'c'], 2).message).toBe('with c there are 3 targets and more, which is over 2')
  })

  test('the limit can be set', () => {
    expect(refusal(['192.0.2.0/28'], 8).hints[0]).toBe('take a longer prefix: 192.0.2.0/29')
    expect([...expandTargets(['192.0.2.0/28'], { limit: 14 })]).toHaveLength(14)
  })
})

test('any words are targets or refused with a sentence, and never many in secret', () => {
  const piece = fc.constantFrom(
    '10',
    '.',
    '.',
    '0',
    '255',
    '-',
    '/',
    '8',
    ':',
    '::',
    '%',
    'fe80',
    'a',
    '[',
    ']',
    ' ',
    '31',
  )
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.string(),
          fc.array(piece).map(parts => parts.join('')),
        ),
        { maxLength: 4 },
      ),
      words => {
        try {
          let count = 0
          for (const _ of expandTargets(words, { limit: 300 })) count++
          expect(count).toBeLessThanOrEqual(300)
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError)
        }
      },
    ),
    { numRuns: 1000 },
  )
})

describe('a list', () => {
  test('has a target a line; comments and blank lines are left out', () => {
    expect(
      parseTargetLines(
        '# routers\n192.0.2.1\n\n  example.net  # the web\r\n\t::1 second words are not read\n#\n192.0.2.0/30',
      ),
    ).toEqual(['192.0.2.1', 'example.net', '::1', '192.0.2.0/30'])
  })

  test('may be empty, and a # inside a word is part of it', () => {
    expect(parseTargetLines('')).toEqual([])
    expect(parseTargetLines('\n \n# nothing')).toEqual([])
    expect(parseTargetLines('a#b')).toEqual(['a#b'])
  })
})
