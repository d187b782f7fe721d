// Must show 6: a 1400-byte link that says so, one that swallows, and plain loss, which is no black hole.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  addChain,
  type Chain,
  describeLab,
  type Family,
  forgetPathMtu,
  NOBODY,
  removeChain,
  setPingGroups,
  withRules,
} from '../../lab/index.js'
import { pingIn } from './acceptance.js'

const FAMILIES: readonly Family[] = [4, 6]

/** What a router says when a packet does not fit, which some firewalls drop. */
const TOO_BIG: Record<Family, string> = {
  4: 'icmp type destination-unreachable icmp code frag-needed drop',
  6: 'icmpv6 type packet-too-big drop',
}

interface MtuDocument {
  targets: {
    pathMtu: number | null
    largestPayload: number | null
    limit: { by: string; from?: string | null; mtu?: number | null; smallestLost?: number } | null
  }[]
}

describeLab('netkit ping --mtu', () => {
  let small: Chain
  let plain: Chain
  beforeAll(async () => {
    small = await addChain(3, { mtu: { 2: 1400 } })
    plain = await addChain(1)
    for (const { source } of [small, plain]) await setPingGroups(source, 'open')
  })
  afterAll(() => Promise.all([removeChain(small), removeChain(plain)]))

  const find = async (chain: Chain, family: Family, uid?: number) => {
    const as = uid === undefined ? {} : { uid }
    await forgetPathMtu(chain.source)
    const json = await pingIn(chain.source, ['--mtu', '--json', chain.target(family)], as)
    expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 0, stderr: '' })
    await forgetPathMtu(chain.source)
    const text = await pingIn(chain.source, ['--mtu', chain.target(family)], as)
    expect(text.code).toBe(0)
    const { targets } = JSON.parse(json.stdout) as MtuDocument
    expect(targets).toHaveLength(1)
    return { found: targets[0]!, text: text.stdout }
  }

  const headers = (family: Family): number => (family === 4 ? 28 : 48)

  describe.each([
    ['root', undefined],
    ['uid 65534', NOBODY],
  ] as const)('as %s', (_, uid) => {
    test('a router that says so is named', async () => {
      for (const family of FAMILIES) {
        const { found, text } = await find(small, family, uid)
        const from = small.address(2, family)
        expect(found).toMatchObject({
          pathMtu: 1400,
          largestPayload: 1400 - headers(family),
          limit: { by: 'icmp', from, mtu: 1400 },
        })
        expect(text).toContain('1400')
        expect(text).toContain(from)
        expect(text).not.toMatch(/black hole/i)
      }
    })

    test('a link that swallows larger packets is a black hole, and the size is right', async () => {
      for (const family of FAMILIES) {
        await withRules(small.source, 'input', TOO_BIG[family], async () => {
          const { found, text } = await find(small, family, uid)
          expect(found).toMatchObject({
            pathMtu: 1400,
            largestPayload: 1400 - headers(family),
            limit: { by: 'black-hole', smallestLost: 1401 },
          })
          expect(text).toContain('1400')
          expect(text).toMatch(/black hole/i)
        })
      }
    })

    test('20 % of loss is not taken for a black hole', async () => {
      for (const family of FAMILIES) {
        const echo = family === 4 ? 'icmp type echo-request' : 'icmpv6 type echo-request'
        await withRules(plain.routers[0]!, 'forward', `${echo} numgen random mod 10 < 2 drop`, async () => {
          const { found, text } = await find(plain, family, uid)
          expect(found.pathMtu).toBe(1500)
          expect(found.limit!.by).not.toBe('black-hole')
          expect(text).toContain('1500')
          expect(text).not.toMatch(/black hole/i)
        })
      }
    })
  })

  test('20 % of loss on top of a black hole', async () => {
    for (const family of FAMILIES) {
      const echo = family === 4 ? 'icmp type echo-request' : 'icmpv6 type echo-request'
      await withRules(small.source, 'input', TOO_BIG[family], () =>
        withRules(small.routers[0]!, 'forward', `${echo} numgen random mod 10 < 2 drop`, async () => {
          const { found } = await find(small, family)
          expect(found).toMatchObject({ pathMtu: 1400, limit: { by: 'black-hole' } })
        }),
      )
    }
  })

  test('a host that does not answer has no path MTU: exit 1', async () => {
    await withRules(plain.destination, 'input', 'icmp type echo-request drop', async () => {
      const json = await pingIn(plain.source, ['--mtu', '-w', '5', '--json', plain.target(4)])
      expect(json.code).toBe(1)
      expect((JSON.parse(json.stdout) as MtuDocument).targets).toMatchObject([{ pathMtu: null, limit: null }])
    })
  })
}, ['nft'])
