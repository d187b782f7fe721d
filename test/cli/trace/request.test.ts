// From flags to settings: views, defaults, units, and words that contradict each other.

import { describe, expect, test } from 'vitest'
import type { Format } from '../../../src/cli/failure.js'
import { parseRequest } from '../../../src/cli/trace/request.js'
import { UsageError } from '../../../src/errors/index.js'
import { parseWords } from './parse.js'

async function request(words: string, { format = 'text' as Format, isScreen = false } = {}) {
  const parsed = await parseWords(words)
  return parseRequest(parsed.flags, parsed.words, format, isScreen)
}
const settings = async (words: string, options = {}) => (await request(`${words} bee`, options)).settings

describe('views', () => {
  test.each<[string, Format, boolean, string]>([
    ['', 'text', false, 'path'],
    ['', 'text', true, 'live'],
    ['-r', 'text', true, 'report'],
    ['-c 5', 'text', true, 'report'],
    ['-c 5', 'text', false, 'report'],
    ['--path', 'text', true, 'path'],
    ['-q 1', 'text', true, 'path'],
    ['--mtu', 'text', true, 'path'],
    ['--csv', 'text', true, 'csv'],
    ['--dot --flows 8', 'text', true, 'dot'],
    ['', 'json', true, 'json'],
    ['-c 5', 'ndjson', true, 'ndjson'],
  ])('"%s" as %s, on a terminal: %s, is the view %s', async (words, format, isScreen, view) => {
    expect((await request(`${words} bee`, { format, isScreen })).view).toBe(view)
  })

  test('a look has three probes to each hop and does not wait for what will not come', async () => {
    expect(await settings('')).toMatchObject({ rounds: 3, intervalMs: 0, patient: false, timeoutMs: 1000 })
    expect(await settings('-q 5', { format: 'json' })).toMatchObject({ rounds: 5, intervalMs: 0, patient: false })
  })

  test('rounds are a second apart, and have no end in the live view', async () => {
    expect(await settings('', { isScreen: true })).toMatchObject({ rounds: null, intervalMs: 1000, patient: true })
    expect(await settings('-r')).toMatchObject({ rounds: 10, intervalMs: 1000, patient: true })
    expect(await settings('-c 7 -i 0.2', { format: 'ndjson' })).toMatchObject({ rounds: 7, intervalMs: 200 })
    expect(await settings('-i 50ms', { isScreen: true })).toMatchObject({ rounds: null, intervalMs: 50 })
  })
})

describe('flags', () => {
  test('are read with units, fractions and hexadecimal', async () => {
    const words = '-u -P 53 --source-port 4000 -f 2 -m 0x10 -w 1,5 -s 1k -Q 0x10 -M 0xff -n --no-verify --flows 16'
    expect(await settings(words)).toMatchObject({
      protocol: 'udp',
      port: 53,
      sourcePort: 4000,
      firstTtl: 2,
      maxTtl: 16,
      timeoutMs: 1500,
      packetBytes: 1024,
      tos: 16,
      mark: 255,
      verify: false,
      flows: 16,
    })
  })

  test('leave the protocol open unless it is named', async () => {
    expect((await settings('')).protocol).toBeNull()
    expect((await settings('--icmp')).protocol).toBe('icmp')
    expect((await settings('-T')).protocol).toBe('tcp')
    expect(await settings('--flows 4 -P 53')).toMatchObject({ protocol: null, port: 53 })
  })

  test('take an address for -I, as ping does', async () => {
    expect(await settings('-I 192.0.2.1')).toMatchObject({ interface: null, source: '192.0.2.1' })
    expect(await settings('-I eth0 -a 192.0.2.1')).toMatchObject({ interface: 'eth0', source: '192.0.2.1' })
  })

  test('reach as far as they begin', async () => {
    expect(await settings('-f 40')).toMatchObject({ firstTtl: 40, maxTtl: 40 })
  })
})

test.each<[string, RegExp]>([
  ['-4 -6', /-4 and -6/],
  ['-u -T', /--udp and --tcp/],
  ['--csv --dot', /--csv and --dot/],
  ['-r --path', /--path looks.*-r/],
  ['-c 2 -q 2', /-q looks.*-c/],
  ['-i 1', /-c N/],
  ['-c 2 -i 0', /interval is too short/],
  ['-w 0', /timeout is too short/],
  ['-P 80', /ICMP has no ports/],
  ['--icmp --source-port 80 --flows 2', /ICMP has no ports/],
  ['-T -s 100', /SYN/],
  ['-u --transport raw', /transport raw is for ICMP.*UDP/],
  ['--flows 4 --transport datagram', /transport datagram is for ICMP.*UDP/],
  ['--source-port 4000', /ICMP has no ports/],
  ['-T -w 1.001', /TCP probes wait 1000 ms at most/],
  ['-f 9 -m 3', /first hop, 9, is behind the last, 3/],
  ['-u --flows 16 --source-port 65530', /first source port.*65520/],
  ['-z', /--mmdb/],
  ['--csv --baseline x', /--baseline.*--csv/],
  ['--dot --mtu', /--dot draws no packet sizes.*--mtu/],
  ['--fail-if p99>1', /does not measure p99/],
  ['--fail-if bogus>1', /bogus/],
  ['-s 45', /46/],
  ['-a eth0', /-a takes an address/],
  ['-a 192.0.2.1 -I 192.0.2.2', /-a and -I/],
  ['-q 101', /100/],
  ['wasp', /one target.*wasp|another.*bee/],
])('%s is refused in a sentence', async (words, sentence) => {
  const failure = request(`${words} bee`)
  await expect(failure).rejects.toThrow(UsageError)
  await expect(failure).rejects.toThrow(sentence)
})

test('no target is refused, and an empty one', async () => {
  await expect(request('')).rejects.toThrow(/no target/)
  expect(() => parseRequest({} as never, [''], 'text', false)).toThrow(/no target/)
})

describe('habits from peers', () => {
  test('-I without a target is told to take an interface', async () => {
    const failure = await request('-I example.net').catch(error => error)
    expect([failure.message, ...failure.hints].join(' ')).toMatch(
      /no target.*-I takes an interface.*trace example\.net/,
    )
  })

  test('-i on a terminal that can show no live view says why there is none', async () => {
    const parsed = await parseWords('-i 1 bee')
    const hintsOf = (isTerminal: boolean): string => {
      try {
        parseRequest(parsed.flags, parsed.words, 'text', false, isTerminal)
      } catch (error) {
        return (error as UsageError).hints.join(' ')
      }
      return 'accepted'
    }
    expect(hintsOf(true)).toMatch(/live view.*TERM=dumb/)
    expect(hintsOf(false)).toBe('')
  })
})
