// Must show 10: answers that lie. Every true answer comes behind many damaged copies of itself, under right checksums: nothing hangs or
// crashes, nothing but text reaches a terminal, and the hops of ICMP and TCP are found all the same.

import { describe, expect, test } from 'vitest'
import {
  describeLab,
  type Network,
  type ScenarioNode,
  setPingGroups,
  startNetwork,
  withNetns,
} from '../../lab/index.js'
import { AS_NOBODY, PROTOCOLS, traceIn } from './acceptance.js'

const NOISE = 40
const LABELS = [{ label: 16_001, trafficClass: 5, bottom: true, ttl: 1 }]
/** Index, name and MTU of an interface. */
const INTERFACE = { class: 2, type: 0x0b, hex: '000000070865746830000000000005dc' }

function noisyPath(family: 4 | 6, seed: number): { hops: ScenarioNode[]; target: ScenarioNode } {
  const address = (hop: number) => (family === 4 ? `192.0.2.${hop}0` : `2001:db8:${hop}::${hop}`)
  const hop = (at: number, more: Partial<ScenarioNode>) => ({
    address: address(at),
    noise: NOISE,
    seed: seed + at,
    ...more,
  })
  return {
    hops: [
      hop(1, {}),
      hop(2, { mpls: LABELS, objects: [INTERFACE], extensions: 'compliant' }),
      hop(3, { mpls: LABELS, objects: [INTERFACE], extensions: 'legacy' }),
      hop(4, { quote: 8 }),
    ],
    target: { ...hop(5, {}), address: family === 4 ? '203.0.113.9' : '2001:db8:ffff::9' },
  }
}

describeLab('netkit trace and answers that lie', () => {
  describe.each([4, 6] as const)('IPv%i', family => {
    test.each(['icmp', 'udp', 'tcp'] as const)('%s, with and without raw sockets', async protocol => {
      for (const seed of [1, 100, 200]) {
        const { hops, target } = noisyPath(family, seed)
        await withNetns(async ns => {
          await setPingGroups(ns, 'open')
          const network: Network = await startNetwork(ns, { hops, target })
          for (const view of [
            [],
            ['-r', '-c', '3', '-i', '0.1'],
            ['--ndjson'],
            ['--json'],
            ['--raw'],
            ['--raw', '--json'],
          ]) {
            const args = ['-n', ...PROTOCOLS[protocol], ...view, target.address]
            const as = view.includes('--raw') ? {} : AS_NOBODY
            const { stdout, stderr, code, signal } = await traceIn(ns, args, { ...as, timeoutMs: 30_000 })
            expect({ view, signal, ended: code === 0 || code === 1 }).toEqual({ view, signal: null, ended: true })
            expect(stderr).not.toMatch(/^\s+at |Error:|bug/m)
            expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
            // A quote that is cut to the ports fits any UDP probe of the flow, and to a raw socket a TCP quote with another number fits
            // another probe: who lies there moves hops, and can do no more.
            const canMove = protocol === 'udp' || (protocol === 'tcp' && view.includes('--raw'))
            if (!canMove) for (const { address } of hops) expect(stdout).toContain(address)
            if (view.includes('--json')) expect(JSON.parse(stdout)).toMatchObject({ target: target.address })
          }
          const [first] = await network.counts()
          expect(first![0]!.answered).toBeGreaterThan(0)
        })
      }
    })
  })
}, ['g++', '/dev/net/tun'])
