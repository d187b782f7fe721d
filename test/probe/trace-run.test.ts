import { describe, expect, test } from 'vitest'
import { begin, chain, of, TARGET, type Traced, trace } from './trace-network.js'

const addresses = (routers: number): string[] => chain(routers).map(({ address }) => address)
const paths = ({ events }: Traced) => of(events, 'round').map(({ path }) => path)
const deepest = ({ transport }: Traced): number => Math.max(...transport.sent.map(({ ttl }) => ttl))

describe('the list of hops', () => {
  test.each(
    (['icmp', 'udp', 'tcp'] as const).flatMap(protocol =>
      [0, 1, 2, 3, 11, 29].map(routers => [protocol, routers] as const),
    ),
  )('over %s with %d routers before the target', async (protocol, routers) => {
    const traced = await trace({ stages: chain(routers), protocol })
    const want = addresses(routers)
    expect(paths(traced)).toEqual([want, want, want])
    expect(of(traced.events, 'round').map(({ round, reached }) => [round, reached])).toEqual([
      [1, true],
      [2, true],
      [3, true],
    ])
    expect(of(traced.events, 'hop').map(({ ttl, address }) => [ttl, address])).toEqual(
      want.map((address, at) => [at + 1, address]),
    )
    expect(of(traced.events, 'timeout')).toEqual([])
    expect(of(traced.events, 'path-change')).toEqual([])
  })
})

void begin
void TARGET
void deepest
