// The words of every error, beside those that iputils' ping has for it.

import { expect, test } from 'vitest'
import { icmpReason } from '../../src/wire/icmp-words.js'
import { describeLab, inNetns, setSysctls, startResponder, withNetns } from '../lab/index.js'

/** Type, code and second word of the header, and what that word means. */
type Sample = readonly [type: number, code: number, info?: number, detail?: { mtu?: number; pointer?: number }]

const codes = (type: number, last: number): Sample[] => Array.from({ length: last + 1 }, (_, code) => [type, code])

/** Without 11.1, which the kernel keeps from sockets, and unreachables above 15, which mean nothing. */
const SAMPLES4: readonly Sample[] = [
  ...codes(3, 3),
  [3, 4, 1400, { mtu: 1400 }],
  ...codes(3, 15).slice(5),
  [4, 0],
  [11, 0],
  [11, 2],
  [12, 0, 20 << 24, { pointer: 20 }],
]

const SAMPLES6: readonly Sample[] = [
  // It has no words for codes 5 and 6, netkit those of RFC 4443.
  ...codes(1, 4),
  [2, 0, 1300, { mtu: 1300 }],
  [2, 1, 1300, { mtu: 1300 }],
  ...codes(3, 2),
  [4, 0, 6, { pointer: 6 }],
  [4, 1, 40, { pointer: 40 }],
  [4, 2, 41, { pointer: 41 }],
  [4, 3, 7, { pointer: 7 }],
]

describeLab('the words of ICMP errors', () => {
  for (const [family, samples] of [
    [4, SAMPLES4],
    [6, SAMPLES6],
  ] as const) {
    test(`ping says the same about every ICMPv${family} error that it can be shown`, () =>
      withNetns(async ns => {
        const responder = await startResponder(ns)
        const by = responder.address(999, family)
        for (const [at, [type, code, info = 0]] of samples.entries()) {
          await responder.rule({ to: responder.address(at + 2, family), error: [type, code], info: info >>> 0, by })
        }
        const said: (string | undefined)[] = []
        for (const at of samples.keys()) {
          const { stdout } = await inNetns(ns, ['ping', '-c1', '-W1', responder.address(at + 2, family)])
          said.push(/^From \S+ icmp_seq=1 (.*)$/m.exec(stdout)?.[1])
        }
        expect(samples.map(([type, code, , detail]) => icmpReason(family, type, code, { mtu: 0, ...detail }))).toEqual(
          said,
        )
      }))
  }

  test('ping says the same about what nftables reject', () =>
    withNetns(async ns => {
      const said = async (argv: readonly string[]): Promise<string | undefined> => {
        const { stdout } = await inNetns(ns, ['ping', '-c1', '-W1', ...argv])
        return /^From \S+ icmp_seq=1 (.*)$/m.exec(stdout)?.[1]
      }
      await setSysctls(ns, { 'ipv4.icmp_ratelimit': 0, 'ipv6.icmp.ratelimit': 0 })
      const rejects = [
        ['ip', 'icmp', 'net-unreachable', 3, 0],
        ['ip', 'icmp', 'host-unreachable', 3, 1],
        ['ip', 'icmp', 'prot-unreachable', 3, 2],
        ['ip', 'icmp', 'port-unreachable', 3, 3],
        ['ip', 'icmp', 'net-prohibited', 3, 9],
        ['ip', 'icmp', 'host-prohibited', 3, 10],
        ['ip', 'icmp', 'admin-prohibited', 3, 13],
        ['ip6', 'icmpv6', 'no-route', 1, 0],
        ['ip6', 'icmpv6', 'admin-prohibited', 1, 1],
        ['ip6', 'icmpv6', 'addr-unreachable', 1, 3],
        ['ip6', 'icmpv6', 'port-unreachable', 1, 4],
      ] as const
      const address = (at: number, protocol: string): string =>
        protocol === 'ip' ? `127.0.0.${at + 2}` : `fd00::${at + 2}`
      const rules = rejects.map(
        ([protocol, icmp, word], at) =>
          `${protocol} daddr ${address(at, protocol)} ${icmp} type echo-request reject with ${icmp} type ${word}`,
      )
      const table = `table inet t {\nchain c {\ntype filter hook output priority 0;\n${rules.join('\n')}\n}\n}\n`
      expect((await inNetns(ns, ['nft', '-f', '-'], { input: table })).stderr).toBe('')
      for (const [at, [protocol, , , type, code]] of rejects.entries()) {
        const family = protocol === 'ip' ? 4 : 6
        const to = address(at, protocol)
        if (family === 6) await inNetns(ns, ['ip', 'address', 'add', `${to}/128`, 'dev', 'lo', 'nodad'])
        expect(await said([to])).toBe(icmpReason(family, type, code, { mtu: 0 }))
      }
    }))
}, ['ping', 'nft', 'g++', '/dev/net/tun'])
