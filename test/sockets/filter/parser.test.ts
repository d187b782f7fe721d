import { describe, expect, it } from 'vitest'
import { FilterSyntaxError, MATCH_ALL, parseFilter } from '../../../src/sockets/filter/index.js'

const SERVICES: Readonly<Record<string, number[]>> = { ssh: [22], 'ftp-data': [20], domain: [53, 5353], http: [80] }
const parse = (text: string) => parseFilter(text, name => SERVICES[name] ?? [])
const port = (value: number, side = 'local') => ({
  kind: 'port',
  side,
  family: null,
  ranges: [[value, value]],
  negated: false,
})
const ranges = (text: string) => (parse(text) as { ranges: unknown }).ranges

describe('parseFilter', () => {
  it('takes empty text and blanks for a filter that matches everything', () => {
    expect(parse('')).toEqual(MATCH_ALL)
    expect(parse(' \t\n')).toEqual(MATCH_ALL)
  })

  it('binds not tighter than and, and tighter than or, whatever spelling is used', () => {
    const tree = {
      kind: 'or',
      terms: [port(1), { kind: 'and', terms: [{ kind: 'not', term: port(2) }, port(3)] }, port(4)],
    }
    expect(parse('sport = 1 or not sport = 2 and sport = 3 or sport = 4')).toEqual(tree)
    expect(parse('sport = 1 | ! sport = 2 & sport = 3 || sport = 4')).toEqual(tree)
    expect(parse('sport=1||!sport=2&&sport=3|sport=4')).toEqual(tree)
    expect(parse('sport 1 or not sport 2 sport 3 or sport 4')).toEqual(tree)
  })

  it('needs no blanks around parentheses', () => {
    const tree = { kind: 'or', terms: [port(22), port(443, 'peer')] }
    expect(parse('(sport=:22 or dport=:443)')).toEqual(tree)
    expect(parse('((sport=:22)or(dport=:443))')).toEqual(tree)
    expect(parse('( ( sport = :22 ) or ( dport = :443 ) )')).toEqual(tree)
  })

  it('knows every alias of every operator', () => {
    for (const op of ['', '=', '==', 'eq']) expect(ranges(`sport ${op} 5`)).toEqual([[5, 5]])
    for (const op of ['!=', 'ne', 'neq']) expect(parse(`sport ${op} 5`)).toMatchObject({ negated: true })
    for (const op of ['>', 'gt']) expect(ranges(`sport ${op} 5`)).toEqual([[6, Number.POSITIVE_INFINITY]])
    for (const op of ['<', 'lt']) expect(ranges(`sport ${op} 5`)).toEqual([[0, 4]])
    for (const op of ['>=', 'ge', 'geq']) expect(ranges(`sport ${op} 5`)).toEqual([[5, Number.POSITIVE_INFINITY]])
    for (const op of ['<=', 'le', 'leq']) expect(ranges(`sport ${op} 5`)).toEqual([[0, 5]])
  })

  it('reads port lists, ranges and service names, and joins what touches', () => {
    expect(ranges('sport = 8000-8010,9000')).toEqual([
      [8000, 8010],
      [9000, 9000],
    ])
    expect(ranges('sport = :5,4,:6-:8,1')).toEqual([
      [1, 1],
      [4, 8],
    ])
    expect(ranges('sport = 8000, 9000')).toHaveLength(2)
    expect(ranges('sport = :ssh')).toEqual([[22, 22]])
    expect(ranges('sport = ftp-data')).toEqual([[20, 20]])
    expect(ranges('sport = ftp-data-ssh')).toEqual([[20, 22]])
    expect(ranges('dport = domain')).toEqual([
      [53, 53],
      [5353, 5353],
    ])
    expect(ranges('sport = 0x16')).toEqual([[22, 22]])
  })

  it('reads every form of a host', () => {
    const host = (text: string) => parse(`dst ${text}`)
    const ip = (version: number, words: number[], prefix: number) => ({
      kind: 'ip',
      blocks: [{ version, words, prefix }],
    })
    const lo6 = [0, 0, 0, 1]
    const cases: [string, object][] = [
      ['10.1.2.3', { host: ip(4, [0x0a010203, 0, 0, 0], 32), ports: null, family: null }],
      ['10.1.2.3/8', { host: ip(4, [0x0a000000, 0, 0, 0], 8) }],
      ['10/8:22', { host: ip(4, [0x0a000000, 0, 0, 0], 8), ports: [[22, 22]] }],
      ['192.168.0.0/255.255.0.0', { host: ip(4, [0xc0a80000, 0, 0, 0], 16) }],
      ['255.255.255.255', { host: ip(4, [0xffffffff, 0, 0, 0], 32) }],
      ['10.1.2.3:ssh', { ports: [[22, 22]] }],
      ['10.1.2.3:', { ports: null }],
      ['10.1.2.3:*', { ports: null }],
      ['inet:10.1.2.3', { family: 'inet', host: ip(4, [0x0a010203, 0, 0, 0], 32) }],
      ['[::1]', { host: ip(6, lo6, 128), ports: null }],
      ['[::1]:22', { host: ip(6, lo6, 128), ports: [[22, 22]] }],
      ['::1', { host: ip(6, lo6, 128), ports: null }],
      ['[::]/0', { host: ip(6, [0, 0, 0, 0], 0) }],
      ['[2001:db8::]/32:443', { host: ip(6, [0x20010db8, 0, 0, 0], 32), ports: [[443, 443]] }],
      ['2001:db8::5', { host: ip(6, [0x20010db8, 0, 0, 5], 128) }],
      ['2001:db8::/32', { host: ip(6, [0x20010db8, 0, 0, 0], 32) }],
      ['1:2:3:4:5:6:7:8', { host: ip(6, [0x10002, 0x30004, 0x50006, 0x70008], 128) }],
      ['1:2:3:4:5:6:7:8:22', { host: ip(6, [0x10002, 0x30004, 0x50006, 0x70008], 128), ports: [[22, 22]] }],
      ['::ffff:10.1.2.3', { host: ip(6, [0, 0, 0xffff, 0x0a010203], 128) }],
      ['inet6:[::1]:22', { family: 'inet6', ports: [[22, 22]] }],
      ['*', { host: { kind: 'any' }, ports: null }],
      ['*:443', { host: { kind: 'any' }, ports: [[443, 443]] }],
      [':443', { host: { kind: 'any' }, ports: [[443, 443]] }],
      [
        ':443,8000-8010',
        {
          host: { kind: 'any' },
          ports: [
            [443, 443],
            [8000, 8010],
          ],
        },
      ],
      ['any', { host: { kind: 'any' } }],
      ['Example.ORG:http', { host: { kind: 'name', name: 'example.org' }, ports: [[80, 80]] }],
      ['unix:/run/(a)*', { family: 'unix', host: { kind: 'glob', glob: '/run/(a)*' } }],
      ['netlink:route:1234', { family: 'netlink', host: { kind: 'number', value: 0 }, ports: [[1234, 1234]] }],
      ['netlink:*:kernel', { family: 'netlink', host: { kind: 'any' }, ports: [[0, 0]] }],
      ['link:arp', { family: 'link', host: { kind: 'number', value: 0x0806 } }],
      ['vsock:2:1024', { family: 'vsock', host: { kind: 'number', value: 2 }, ports: [[1024, 1024]] }],
    ]
    for (const [text, expected] of cases) {
      expect(host(text.includes('(') ? `"${text}"` : text), text).toMatchObject({
        kind: 'host',
        side: 'peer',
        ...expected,
      })
    }
  })

  it('reads a host without a family in that of the only sockets listed, and a path as a path whatever is listed', () => {
    const glob = (text: string) => ({ family: 'unix', host: { kind: 'glob', glob: text }, ports: null })
    for (const text of ['/tmp/.X11-unix/*', '@abstract']) expect(parse(`src ${text}`)).toMatchObject(glob(text))
    const of = (text: string, family: 'unix' | 'link' | 'netlink' | 'vsock') => parseFilter(text, () => [], family)
    expect(of('src *docker*', 'unix')).toMatchObject(glob('*docker*'))
    expect(of('src rtnl:kernel', 'netlink')).toMatchObject({ family: 'netlink', ports: [[0, 0]] })
    expect(of('src 2:1024', 'vsock')).toMatchObject({ family: 'vsock', ports: [[1024, 1024]] })
    expect(of('src arp', 'link')).toMatchObject({ family: 'link', host: { kind: 'number', value: 0x0806 } })
    expect(of('src inet:10.1.2.3', 'unix')).toMatchObject({ family: 'inet', host: { kind: 'ip' } })
    expect(() => parse('src *docker*')).toThrow(FilterSyntaxError)
  })

  it('splits an interface off an address, as listings print it', () => {
    const eth0 = { kind: 'device', name: 'eth0', negated: false }
    expect(parse('src [fe80::1%eth0]:22')).toMatchObject({ kind: 'and', terms: [{ ports: [[22, 22]] }, eth0] })
    expect(parse('src fe80::1%eth0')).toMatchObject({ kind: 'and', terms: [{ ports: null }, eth0] })
    expect(parse('src != 127.0.0.53%eth0:53')).toMatchObject({
      kind: 'or',
      terms: [{ negated: true }, { ...eth0, negated: true }],
    })
    expect(parse('src link:ip:eth0')).toMatchObject({ kind: 'and', terms: [{ family: 'link' }, eth0] })
  })

  it('reads the other predicates', () => {
    expect(parse('fwmark = 0x10/0xff')).toEqual({ kind: 'mark', value: 16, mask: 255, negated: false })
    expect(parse('fwmark != 7')).toEqual({ kind: 'mark', value: 7, mask: 0xffffffff, negated: true })
    expect(parse('dev != eth0.7')).toEqual({ kind: 'device', name: 'eth0.7', negated: true })
    expect(parse('autobound')).toEqual({ kind: 'autobound' })
    expect(parse('state = time-wait,LISTEN')).toEqual({ kind: 'state', mask: (1 << 6) | (1 << 10), negated: false })
    expect(parse('cookie = 0x1000000ab')).toEqual({ kind: 'cookie', high: 1, low: 0xab, negated: false })
    expect(parse('comm = nginx,envoy')).toMatchObject({ kind: 'text', values: ['nginx', 'envoy'], glob: false })
    expect(parse('comm ~ "my (prog)*"')).toMatchObject({ values: ['my (prog)*'], glob: true, negated: false })
    expect(parse("path !~ '/run/*'")).toMatchObject({ field: 'path', glob: true, negated: true })
    expect(parse('timer = keepalive,none')).toMatchObject({ kind: 'timer', mask: 0b101 })
    expect(parse('peer-inode = 5')).toMatchObject({ kind: 'number', field: 'peer-inode' })
    expect(parse('pid != 1-3,7')).toMatchObject({ kind: 'pid', negated: true })
  })

  it('reads units into the unit of the field', () => {
    expect(ranges('rtt >= 1.5')).toEqual([[1500, Number.POSITIVE_INFINITY]])
    expect(ranges('rtt <= 250us')).toEqual([[0, 250]])
    expect(ranges('rtt > 1.1ms')).toEqual([[1101, Number.POSITIVE_INFINITY]])
    expect(ranges('idle >= 2m')).toEqual([[120_000, Number.POSITIVE_INFINITY]])
    expect(ranges('lastrcv < 1.5s')).toEqual([[0, 1499]])
    expect(ranges('sendq >= 64k')).toEqual([[65536, Number.POSITIVE_INFINITY]])
    expect(ranges('rtt = 1-2')).toEqual([[1000, 2000]])
  })

  const errors: [string, number, string][] = [
    ['sport =', 7, 'Expected a port such as :22 after "sport", found the end of the filter.'],
    ['sport = :22 and', 15, 'Expected a predicate such as sport, dst, state or pid, found the end of the filter.'],
    ['sport = :22 or or', 15, 'Expected a predicate such as sport, dst, state or pid, found "or".'],
    ['sport = bogus', 8, 'Expected a port number, a range such as 8000-8010 or a service name, found "bogus".'],
    ['sport = 1,x,3', 10, 'Expected a port number, a range such as 8000-8010 or a service name, found "x".'],
    ['sport = 9-8', 8, 'Expected the lower port first in the range "9-8".'],
    ['sport < 1,2', 8, 'Expected one port after "<", found "1,2".'],
    ['sport ~ 22', 6, 'Expected "=", "!=", "<", ">", "<=", ">=" after "sport", found "~".'],
    ['dst < 10.0.0.1', 4, 'Expected "=", "!=" after "dst", found "<".'],
    ['(sport = 1', 10, 'Expected ")" for the "(" at column 1, found the end of the filter.'],
    ['sport = 1)', 9, 'Expected "and", "or" or the end of the filter, found ")".'],
    ['()', 1, 'Expected a predicate such as sport, dst, state or pid, found ")".'],
    [
      'established',
      0,
      'Expected a predicate such as sport, dst, state or pid, found a state: write "state = established".',
    ],
    ['state = asleep', 8, 'Expected a state such as established or time-wait, found "asleep".'],
    ['dst 10.0.0.300', 4, 'Expected an address, prefix or host name, found "10.0.0.300".'],
    ['dst 10.0.0.0/33', 4, 'Expected an address, prefix or host name, found "10.0.0.0/33".'],
    ['dst [::1', 8, 'Expected "]" after the IPv6 address.'],
    ['dst [::1]x', 9, 'Expected ":PORT" or "/PREFIX" after "]", found "x".'],
    ['dst inet:::1', 9, 'Expected an IPv4 address after "inet:", found "::1".'],
    [
      'dst 2001:db8::1:22',
      4,
      'Expected brackets to tell address from port: write [2001:db8::1:22] or [2001:db8::1]:22.',
    ],
    ['comm = "nginx', 7, 'Expected a closing " for the quote that opens here.'],
    ['pid = abc', 6, 'Expected a whole number, found "abc".'],
    ['rtt > 5parsec', 6, 'Expected a time such as 5, 5ms or 1.5s, found "5parsec".'],
    ['cookie = xyz', 9, 'Expected a cookie of up to 16 hexadecimal digits, found "xyz".'],
    ['fwmark = 1/2/3', 9, 'Expected a mark such as 0x10 or 0x10/0xff, found "1/2/3".'],
    ['dev = a/b', 6, 'Expected an interface name or index, found "a/b".'],
    ['src netlink:nope', 12, 'Expected a netlink protocol name or number, found "nope".'],
    ['\u001b[31m', 0, 'Expected a predicate such as sport, dst, state or pid, found "\\u001b[31m".'],
  ]
  it.each(errors)('points at what is wrong in %j', (text, column, message) => {
    let caught: unknown
    try {
      parse(text)
    } catch (error) {
      caught = error
    }
    expect(caught).toBeInstanceOf(FilterSyntaxError)
    expect(caught).toMatchObject({ text, column, message })
  })

  it('refuses hostile depth and size with the same error', () => {
    expect(parse(`${'('.repeat(200)}sport = 1${')'.repeat(200)}`)).toEqual(port(1))
    for (const text of [
      '('.repeat(100_000),
      'not '.repeat(50_000),
      '!'.repeat(100_000),
      `sport = ${'1,'.repeat(5000)}1`,
      ' '.repeat(300_000),
    ]) {
      expect(() => parse(text)).toThrow(FilterSyntaxError)
    }
  })

  it('takes long flat filters', () => {
    const tree = parse(Array.from({ length: 20_000 }, (_, i) => `dport=${i}`).join('|'))
    expect(tree).toMatchObject({ kind: 'or' })
  })
})
