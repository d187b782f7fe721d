import { expect, test } from 'vitest'
import { describeLab, inNetns, loadScenarios, type Scenario, setSysctls, startNetwork, withNetns } from './index.js'

/** The path as traceroute(8) prints it, one probe a hop; trailing silence is left out. */
async function traceroute(ns: string, how: readonly string[], target: string): Promise<string[][]> {
  const { stdout, stderr } = await inNetns(ns, ['traceroute', '-n', '-q', '1', '-w', '0.5', ...how, target])
  if (stderr !== '') throw new Error(stderr)
  const hops = [...stdout.matchAll(/^ *\d+ {2}(\S+)/gm)].map(([, who]) => (who === '*' ? [] : [who!]))
  while (hops.at(-1)?.length === 0) hops.pop()
  return hops
}

const METHODS = { icmp: ['-I'], udp: ['-U', '-p', '33434'], tcp: ['-T', '-p', '80'] } as const

const withScenario = <T>(scenario: Pick<Scenario, 'hops' | 'target'>, fn: (ns: string) => Promise<T>): Promise<T> =>
  withNetns(async ns => {
    await setSysctls(ns, { 'ipv4.conf.all.rp_filter': 0, 'ipv4.conf.default.rp_filter': 0 })
    await startNetwork(ns, scenario)
    return fn(ns)
  })

describeLab('the lab: networks out of scenario files', () => {
  const scenarios = loadScenarios()

  test('there are scenarios of both families', () => {
    expect(scenarios.filter(({ name }) => name.startsWith('v4-')).length).toBeGreaterThanOrEqual(20)
    expect(scenarios.filter(({ name }) => name.startsWith('v6-')).length).toBeGreaterThanOrEqual(10)
  })

  test.each(scenarios.filter(({ witness }) => witness).map(scenario => [scenario.name, scenario] as const))(
    '%s: traceroute sees what the scenario says is to be seen',
    async (_, scenario) => {
      const { run, target, expect: facts } = scenario
      await withScenario(scenario, async ns => {
        for (const protocol of run.protocols) {
          const seen = await traceroute(ns, METHODS[protocol], target.address)
          expect({ protocol, seen }).toEqual({ protocol, seen: facts.hops })
        }
      })
    },
  )

  test('what a node does is counted', async () => {
    const target = { address: '203.0.113.9', rttMs: 1 }
    const hops = [
      { address: '192.0.2.10', perSecond: 0.1, burst: 2 },
      { address: '192.0.2.20', dropEvery: 2 },
    ]
    await withNetns(async ns => {
      const network = await startNetwork(ns, { hops, target })
      await inNetns(ns, ['ping', '-c5', '-i.01', '-W.1', '-t1', target.address])
      await inNetns(ns, ['ping', '-c6', '-i.01', '-W.1', target.address])
      const [first, second, last] = await network.counts()
      expect(first).toEqual([{ seen: 11, lost: 0, answered: 2, limited: 3 }])
      expect(second).toEqual([{ seen: 6, lost: 3, answered: 0, limited: 0 }])
      expect(last).toEqual([{ seen: 3, lost: 0, answered: 3, limited: 0 }])
      await network.replace(2, { address: '192.0.2.20', blackhole: true })
      expect((await inNetns(ns, ['ping', '-c1', '-W.2', target.address])).code).toBe(1)
    })
  })

  test('round-trip times and order are as asked for', async () => {
    const target = { address: '203.0.113.9', rttMs: 5, jitterMs: 30 }
    await withScenario({ hops: [], target }, async ns => {
      const { stdout } = await inNetns(ns, ['ping', '-n', '-c20', '-i.005', target.address])
      const times = [...stdout.matchAll(/time=([\d.]+)/g)].map(([, ms]) => Number(ms))
      const order = [...stdout.matchAll(/icmp_seq=(\d+)/g)].map(([, sequence]) => Number(sequence))
      expect(times).toHaveLength(20)
      expect(Math.min(...times)).toBeGreaterThanOrEqual(5)
      expect(order).not.toEqual([...order].sort((a, b) => a - b))
    })
  })

  test('the same flow takes the same branch, other ports and checksums take others', async () => {
    const branches = ['198.51.100.1', '198.51.100.2'].map(address => ({ address }))
    const target = { address: '203.0.113.9' }
    await withScenario({ hops: [{ branches }], target }, async ns => {
      const first = async (port: number): Promise<string> => {
        const flow = ['-U', '-p', '33434', '-m', '1', `--sport=${port}`]
        return (await traceroute(ns, flow, target.address)).flat().join()
      }
      const seen = new Set<string>()
      for (let port = 20_000; port < 20_012; port++) {
        const branch = await first(port)
        expect(await first(port)).toBe(branch)
        seen.add(branch)
      }
      expect([...seen].sort()).toEqual(['198.51.100.1', '198.51.100.2'])
    })
  })

  test.each(['compliant', 'legacy'])(
    'traceroute decodes the labels and sees an interface object, %s form',
    async form => {
      for (const family of [4, 6]) {
        const scenario = scenarios.find(({ name }) => name === `v${family}-extensions-${form}`)!
        await withScenario(scenario, async ns => {
          const { stdout } = await inNetns(ns, ['traceroute', '-n', '-e', '-q1', '-w.5', scenario.target.address])
          expect(stdout).toMatch(/<MPLS:L=16001,E=5,S=0,T=1\/L=42,E=0,S=1,T=254;2\/(15|142):[0-9a-f,]+>/)
        })
      }
    },
  )

  test('a node that cannot be understood ends it with a reason', async () => {
    const target = { address: 'nonsense' }
    await withNetns(async ns => {
      await expect(startNetwork(ns, { hops: [], target })).rejects.toThrow('not an address: nonsense')
    })
  })
}, ['ping', 'traceroute', 'g++', '/dev/net/tun'])
