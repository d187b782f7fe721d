// Beside ping itself in icmp-words.priv.ts; here is what no kernel lets through to it.

import { expect, test } from 'vitest'
import { icmpReason } from '../../src/wire/icmp-words.js'

test.each([
  // The words of iputils 20221126 (strings of the program), with its formats filled in.
  [4, 3, 16, 'Dest Unreachable, Bad Code: 16'],
  [4, 11, 1, 'Frag reassembly time exceeded'],
  [4, 11, 9, 'Time exceeded, Bad Code: 9'],
  [4, 0, 0, 'Echo Reply'],
  [4, 8, 0, 'Echo Request'],
  [4, 13, 0, 'Timestamp'],
  [4, 14, 0, 'Timestamp Reply'],
  [4, 15, 0, 'Information Request'],
  [4, 16, 0, 'Information Reply'],
  [4, 17, 0, 'Address Mask Request'],
  [4, 18, 0, 'Address Mask Reply'],
  [4, 200, 3, 'Bad ICMP type: 200'],
  [6, 128, 0, 'Echo request'],
  [6, 129, 0, 'Echo reply'],
  [6, 130, 0, 'MLD Query'],
  [6, 131, 0, 'MLD Report'],
  [6, 132, 0, 'MLD Reduction'],
  [6, 1, 5, 'Destination unreachable: Source address failed ingress/egress policy'],
  [6, 1, 6, 'Destination unreachable: Reject route to destination'],
  [6, 1, 200, 'Destination unreachable: Unknown code 200'],
  [6, 200, 3, 'unknown icmp type: 200'],
] as const)('ICMPv%i type %i code %i', (family, type, code, words) => {
  expect(icmpReason(family, type, code, { mtu: 0 })).toBe(words)
})

test('a redirect names the better router where it is known', () => {
  const redirectTo = '10.0.0.2'
  expect(icmpReason(4, 5, 0, { mtu: 0, redirectTo })).toBe('Redirect Network(New nexthop: 10.0.0.2)')
  expect(icmpReason(4, 5, 1, { mtu: 0, redirectTo })).toBe('Redirect Host(New nexthop: 10.0.0.2)')
  expect(icmpReason(4, 5, 2, { mtu: 0, redirectTo })).toBe(
    'Redirect Type of Service and Network(New nexthop: 10.0.0.2)',
  )
  expect(icmpReason(4, 5, 3, { mtu: 0, redirectTo })).toBe('Redirect Type of Service and Host(New nexthop: 10.0.0.2)')
  expect(icmpReason(4, 5, 4, { mtu: 0, redirectTo: null })).toBe('Redirect, Bad Code: 4')
})

test('a parameter problem whose pointer is not known points at the beginning', () => {
  expect(icmpReason(4, 12, 0, { mtu: 0 })).toBe('Parameter problem: pointer = 0')
  expect(icmpReason(6, 4, 0, { mtu: 0 })).toBe('Parameter problem: Wrong header field at 0')
})
