import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type BytecodeContext,
  compileBytecode,
  compileFilter,
  EMPTY_CONTEXT,
  type Filter,
  type FilterContext,
  type Predicate,
  parseFilter,
  type Ranges,
} from '../../../src/sockets/filter/index.js'
import type { SocketRecord } from '../../../src/sockets/record.js'
import { audit, run } from './kernel.js'
import { record, tcpInfo, u32 } from './records.js'

const context: FilterContext = {
  ...EMPTY_CONTEXT,
  interfaceIndex: name => (name === 'eth0' ? 2 : null),
  cgroupId: path => (path === '/a' ? 0x1_0000_0007n : null),
}
const bytecodeContext: BytecodeContext = { ...context, netns: 0, mayUseMark: true }

function compile(text: string, more: Partial<BytecodeContext> = {}) {
  return compileBytecode(parseFilter(text), { ...bytecodeContext, ...more })
}

const hex = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString('hex')

describe('compileBytecode', () => {
  it('makes the very bytes that ss makes for the worked example', () => {
    const { bytes, exact } = compile('( sport = :22 or dport ge 1000 ) and not src 10.0.0.0/8')
    expect(exact).toBe(true)
    expect(hex(bytes)).toBe(
      [
        '07101400', // S_COND, yes +16, no +20
        '000000001600000000000000', //   any family, /0, port 22
        '01040c00', // JMP +12
        '04082000', // D_GE, yes +8, no +32
        '0000e803', //   1000
        '07101400', // S_COND, yes +16, no +20
        '02080000ffffffff0a000000', //   AF_INET, /8, any port, 10.0.0.0
        '01040800', // JMP +8: reject
      ].join(''),
    )
  })

  it('writes a mark, an interface and a cgroup as their conditions', () => {
    expect(hex(compile('fwmark = 0x10/0xff').bytes)).toBe('0a0c100010000000ff000000')
    expect(hex(compile('dev = eth0').bytes)).toBe('09080c0002000000')
    expect(hex(compile('cgroup = /a').bytes)).toBe('0d0c10000700000001000000')
  })

  it('uses a pair of comparisons for a range and one condition for a port', () => {
    expect(hex(compile('sport = 8000-8010').bytes)).toBe('020814000000401f03080c0000004a1f')
    expect(hex(compile('sport = :22').bytes)).toBe('07101400000000001600000000000000')
  })

  it('needs no program for a filter that the kernel cannot narrow, and says whether that is exact', () => {
    expect(compile('')).toEqual({ bytes: null, exact: true })
    expect(compile('src *')).toEqual({ bytes: null, exact: true })
    expect(compile('rtt > 5')).toEqual({ bytes: null, exact: false })
    expect(compile('sport = :22 or rtt > 5')).toEqual({ bytes: null, exact: false })
    expect(compile('not (sport = :22 and rtt > 5)')).toEqual({ bytes: null, exact: false })
  })

  it('keeps the parts of a conjunction that the kernel can evaluate', () => {
    expect(compile('sport = :22 and rtt > 5')).toEqual({ ...compile('sport = :22'), exact: false })
    expect(compile('not (sport = :22 or autobound)')).toEqual({ ...compile('not sport = :22'), exact: false })
  })

  it('rejects every IP socket for conditions on other families', () => {
    expect(hex(compile('src unix:/run/*').bytes)).toBe('01040800')
    expect(hex(compile('path = /run/x').bytes)).toBe('01040800')
    expect(hex(compile('dport = vsock:70000').bytes)).toBe('01040800')
  })

  it('leaves the mark to user space without CAP_NET_ADMIN', () => {
    expect(compile('fwmark = 1', { mayUseMark: false })).toEqual({ bytes: null, exact: false })
  })

  it('never uses the autobound op, whose meaning user space cannot repeat', () => {
    expect(compile('autobound and sport = :22')).toEqual({ ...compile('sport = :22'), exact: false })
    expect(compile('not autobound').bytes).toBeNull()
  })

  it('gives up when offsets outgrow 16 bits, and not before', () => {
    const ports = (count: number): string => Array.from({ length: count }, (_, i) => 2 * i + 1).join()
    const fits = compile(`sport = ${ports(3200)}`)
    expect(fits.bytes!.length).toBe(3200 * 20 - 4)
    expect(audit(fits.bytes!)).toBe(true)
    expect(fits.exact).toBe(true)
    expect(compile(`sport = ${ports(3300)}`)).toEqual({ bytes: null, exact: false })
  })
})

// Values are drawn from few, so that random sockets and random conditions often meet.
const WORDS = [0, 1, 0xffff, 0x7f000001, 0x0a010203, 0x0a010204, 0xffffffff, 0x20010db8]
const PORTS = [0, 1, 22, 80, 443, 1023, 1024, 32768, 60999, 65535]
const word = fc.constantFrom(...WORDS)
const port = fc.constantFrom(...PORTS)
const negated = fc.boolean()
const side = fc.constantFrom('local' as const, 'peer' as const)
const family = fc.constantFrom(null, null, null, 'inet' as const, 'inet6' as const, 'unix' as const)
const ranges: fc.Arbitrary<Ranges> = fc
  .array(fc.tuple(port, port), { maxLength: 3 })
  .map(pairs => pairs.map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const))
const openRanges = fc.oneof(
  ranges,
  port.map((low): Ranges => [[low, Number.POSITIVE_INFINITY]]),
)
const block = fc.oneof(
  fc.record({
    version: fc.constant(4 as const),
    words: word.map(w => [w, 0, 0, 0] as const),
    prefix: fc.constantFrom(0, 1, 8, 24, 31, 32),
  }),
  fc.record({
    version: fc.constant(6 as const),
    words: fc.tuple(word, word, word, word),
    prefix: fc.constantFrom(0, 1, 32, 33, 64, 95, 96, 127, 128),
  }),
)
/** The parser clears bits beyond the prefix; so must a made-up block. */
const maskedBlock = block.map(({ version, words, prefix }) => {
  const mask = (i: number): number => {
    const bits = Math.max(0, Math.min(32, prefix - 32 * i))
    return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0
  }
  return { version, prefix, words: words.map((w, i) => (w & mask(i)) >>> 0) as [number, number, number, number] }
})
const predicate: fc.Arbitrary<Predicate> = fc.oneof(
  fc.record({ kind: fc.constant('port' as const), side, family, ranges: openRanges, negated }),
  fc.record({
    kind: fc.constant('host' as const),
    side,
    family,
    host: fc.oneof(
      fc.record({ kind: fc.constant('any' as const) }),
      fc.record({ kind: fc.constant('ip' as const), blocks: fc.array(maskedBlock, { maxLength: 3 }) }),
    ),
    ports: fc.option(openRanges),
    negated,
  }),
  fc.record({ kind: fc.constant('device' as const), name: fc.constantFrom('eth0', 'none', '3', '0'), negated }),
  fc.record({ kind: fc.constant('mark' as const), value: fc.constantFrom(0, 1, 0x80000001), mask: word, negated }),
  fc.record({
    kind: fc.constant('text' as const),
    field: fc.constantFrom('cgroup' as const, 'path' as const),
    values: fc.constantFrom(['/a'], ['/missing']),
    glob: fc.constant(false),
    negated,
  }),
  fc.record({ kind: fc.constant('state' as const), mask: fc.nat(0xfff), negated }),
  fc.record({
    kind: fc.constant('number' as const),
    field: fc.constantFrom('rtt' as const, 'peer-inode' as const, 'uid' as const),
    ranges,
    negated,
  }),
  fc.constant({ kind: 'autobound' as const }),
)
const { filter } = fc.letrec<{ filter: Filter }>(tie => ({
  filter: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    predicate,
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      terms: fc.array(tie('filter'), { maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant('not' as const), term: tie('filter') }),
  ),
}))
const mapped = fc.tuple(fc.constant(0), fc.constant(0), fc.constant(0xffff), word)
/** ::/96 without the ffff of a mapped address: an IPv4 condition must not match it. */
const almostMapped = fc.tuple(fc.constant(0), fc.constant(0), word, word)
const address = fc.oneof(mapped, almostMapped, fc.tuple(word, word, word, word))
/** What the kernel would send as root: a mark always, a cgroup for full sockets. */
const socket: fc.Arbitrary<SocketRecord> = fc
  .record({
    family: fc.constantFrom(2, 10),
    state: fc.integer({ min: 1, max: 11 }),
    ports: fc.tuple(port, port),
    local: address,
    peer: address,
    signed: fc.boolean(),
    ifindex: fc.constantFrom(0, 2, 3),
    mark: fc.constantFrom(0, 1, 0x80000001),
    cgroup: fc.constantFrom([7, 1], [7, 0], [1, 0]),
    rtt: port,
  })
  .map(({ family, state, ports, local, peer, signed, ifindex, mark, cgroup, rtt }) => {
    const used = (words: readonly number[], i: number): number => {
      const value = family === 2 && i > 0 ? 0 : words[i]!
      return signed ? value | 0 : value
    }
    const [local0, local1, local2, local3] = [0, 1, 2, 3].map(i => used(local, i)) as [number, number, number, number]
    const [peer0, peer1, peer2, peer3] = [0, 1, 2, 3].map(i => used(peer, i)) as [number, number, number, number]
    const isMini = state === 6 || state === 3
    return record(
      {
        ...{ family, state, ifindex, localPort: ports[0], peerPort: ports[1], uid: isMini ? -1 : 0 },
        ...{ local0, local1, local2, local3, peer0, peer1, peer2, peer3, timer: isMini ? 3 : 0 },
      },
      isMini
        ? [[15, u32(mark)]]
        : [
            [2, tcpInfo({ 68: rtt })],
            [15, u32(mark)],
            [21, u32(...cgroup)],
          ],
    )
  })

describe('bytecode against the kernel interpreter', () => {
  it('passes its audit, accepts whatever the filter accepts, and no more where it claims to be exact', () => {
    fc.assert(
      fc.property(
        filter,
        fc.array(socket, { minLength: 5, maxLength: 20 }),
        fc.boolean(),
        (tree, sockets, mayUseMark) => {
          const matches = compileFilter(tree, context)
          const { bytes, exact } = compileBytecode(tree, { ...bytecodeContext, mayUseMark })
          if (bytes) expect(audit(bytes)).toBe(true)
          for (const each of sockets) {
            const accepted = bytes ? run(bytes, each) : true
            if (exact) expect(accepted).toBe(matches(each))
            else if (matches(each)) expect(accepted).toBe(true)
          }
        },
      ),
      { numRuns: 3000 },
    )
  })
})
