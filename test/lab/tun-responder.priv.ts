import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { addNetns, deleteNetns, describeLab, inNetns, type Responder, setSysctls, startResponder } from './index.js'

const FAMILIES = [4, 6] as const

describeLab('the lab: the TUN responder', () => {
  let ns: string
  let responder: Responder
  beforeAll(async () => {
    ns = await addNetns()
    // A reply from a stranger is one of the faults.
    await setSysctls(ns, { 'ipv4.conf.all.rp_filter': 0, 'ipv4.conf.default.rp_filter': 0 })
    responder = await startResponder(ns)
  })
  afterAll(() => deleteNetns(ns))
  beforeEach(async () => {
    await responder.clear()
  })

  /** What iputils ping prints, as the witness. */
  const ping = async (args: readonly string[]) => {
    const { stdout, stderr, code } = await inNetns(ns, ['ping', '-n', ...args])
    return { lines: (stdout + stderr).split('\n'), text: stdout + stderr, code }
  }

  test('every address answers in both families', async () => {
    for (const family of FAMILIES) {
      for (const host of [2, 3000]) {
        const { text, code } = await ping(['-c2', '-i0.01', '-s1000', responder.address(host, family)])
        expect(code).toBe(0)
        expect(text).toMatch(/1008 bytes from .* ttl=64/)
        expect(text).toContain('2 packets transmitted, 2 received, 0% packet loss')
      }
    }
    expect(await responder.statistics()).toMatchObject({ rules: 0, errors: 0, dropped: 0 })
  })

  test.each([1, 5, 20])('a reply is held %i ms and not less', async ms => {
    await responder.rule({ hold: ms * 1000 })
    for (const family of FAMILIES) {
      const { text } = await ping(['-c20', '-i0.03', responder.address(2, family)])
      const times = [...text.matchAll(/time=([\d.]+) ms/g)].map(found => Number(found[1]))
      expect(times).toHaveLength(20)
      // Its own clock is no part of this: iputils' kernel stamps saw it.
      expect(Math.min(...times)).toBeGreaterThanOrEqual(ms)
    }
    const { excessNs } = await responder.statistics()
    expect(excessNs.min).toBeGreaterThanOrEqual(0)
  })

  test('copies are duplicates', async () => {
    await responder.rule({ copies: 3 })
    const { text } = await ping(['-c3', '-i0.05', responder.address(2, 4)])
    // ping does not wait for those of the last probe.
    for (const sequence of [1, 2]) {
      expect(text.match(new RegExp(`icmp_seq=${sequence} .*\\(DUP!\\)`, 'g'))).toHaveLength(2)
    }
  })

  test('every second one held longer comes back out of order', async () => {
    await responder.rule({ every: 2, extra: 30_000 })
    const { text } = await ping(['-c6', '-i0.01', '-W1', responder.address(2, 6)])
    const order = [...text.matchAll(/icmp_seq=(\d+) ttl/g)].map(found => Number(found[1]))
    expect(order).toHaveLength(6)
    expect(order).not.toEqual([...order].sort((a, b) => a - b))
  })

  test('inverted bytes arrive under a right checksum, and ping shows where', async () => {
    await responder.rule({ only: 2, flip: [20, 30] })
    for (const family of FAMILIES) {
      const { text } = await ping(['-c3', '-i0.01', '-p', '00', responder.address(2, family)])
      expect(text).toContain('3 received')
      expect(text.match(/wrong data byte #20 should be 0x0 but was 0xff/g)).toHaveLength(1)
    }
  })

  test('a reply can come from elsewhere, and can be cut', async () => {
    await responder.rule({ from: responder.address(77, 4) })
    const elsewhere = await ping(['-c1', responder.address(2, 4)])
    expect(elsewhere.text).toMatch(/from 10\.99\.0\.77: .*\(DIFFERENT ADDRESS!\)/)
    await responder.rule({ truncate: 24 })
    expect((await ping(['-c1', responder.address(2, 4)])).text).toMatch(/32 bytes from .*truncated|^32 bytes from/m)
  })

  test.each([
    [4, [3, 1], 'Destination Host Unreachable'],
    [4, [3, 13], 'Packet filtered'],
    [4, [11, 0], 'Time to live exceeded'],
    [4, [12, 0], 'Parameter problem'],
    [6, [1, 3], 'Destination unreachable: Address unreachable'],
    [6, [3, 0], 'Time exceeded: Hop limit'],
  ] as const)('family %i: an error %j instead of a reply, with all or 8 bytes quoted', async (family, error, words) => {
    const by = responder.address(99, family)
    for (const quote of [undefined, 8]) {
      await responder.rule({ error, by, ...(quote === undefined ? {} : { quote }) })
      const { text, code } = await ping(['-c1', '-W1', responder.address(2, family)])
      expect(text).toMatch(new RegExp(`From ${by}:? icmp_seq=1 ${words}`, 'i'))
      expect(code).toBe(1)
    }
  })

  test('an error with MPLS labels is one that the kernel takes for the probe', async () => {
    const mpls = [{ label: 16_001, trafficClass: 5, bottom: true, ttl: 1 }]
    for (const extensions of ['compliant', 'legacy'] as const) {
      await responder.rule({ error: [11, 0], mpls, extensions, by: responder.address(99, 4) })
      const { text } = await ping(['-c1', '-W1', responder.address(2, 4)])
      expect(text).toMatch(/From 10\.99\.0\.99 icmp_seq=1 Time to live exceeded/)
    }
  })

  test('drops: every n-th, by size, and a part of all by a seeded generator', async () => {
    await responder.rule({ every: 3, drop: true })
    const third = await ping(['-c9', '-i0.01', '-W0.2', responder.address(2, 4)])
    expect([...third.text.matchAll(/icmp_seq=(\d+)/g)].map(found => Number(found[1]))).toEqual([1, 2, 4, 5, 7, 8])
    await responder.rule({ above: 1000, drop: true })
    expect((await ping(['-c1', '-W0.2', '-s900', responder.address(2, 4)])).code).toBe(0)
    expect((await ping(['-c1', '-W0.2', '-s1000', responder.address(2, 4)])).code).toBe(1)
    const seen: number[][] = []
    for (const seed of [7, 7, 8]) {
      await responder.rule({ loss: 30, seed })
      const before = await responder.statistics()
      const { text } = await ping(['-c100', '-i0.002', '-W0.2', responder.address(2, 4)])
      const after = await responder.statistics()
      const answered = [...text.matchAll(/icmp_seq=(\d+)/g)].map(found => Number(found[1]))
      expect(answered.length).toBe(100 - (after.dropped - before.dropped))
      expect(answered.length).toBeLessThan(100)
      seen.push(answered)
    }
    expect(seen[0]).toEqual(seen[1])
    expect(seen[0]).not.toEqual(seen[2])
  })

  test('a rule may hold for one address', async () => {
    await responder.rule({ drop: true })
    await responder.rule({ to: responder.address(5, 4), ttl: 33 })
    expect((await ping(['-c1', '-W0.2', responder.address(4, 4)])).code).toBe(1)
    expect((await ping(['-c1', responder.address(5, 4)])).text).toContain('ttl=33')
  })

  test('a rule that cannot be understood ends it with a reason', async () => {
    const broken = startResponder(ns, [{ to: 'nonsense' }], { device: 'tun1' })
    await expect(broken).rejects.toThrow('not an address: nonsense')
  })
}, ['ping', 'g++', '/dev/net/tun'])
