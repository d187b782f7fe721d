// Why a target has no address, or no way leads there: what is said of it, and what is advised.

import { expect, test } from 'vitest'
import { resolveTargets } from '../../src/adapters/resolve.js'
import { noRouteError, scopeNotes, unresolvedError } from '../../src/compose/probe.js'

async function unresolved(word: string, family: 4 | 6 | null): Promise<string> {
  const resolver = { lookup: async () => ({ reason: 'Name or service not known' }) }
  const options = { family, all: false }
  const { failures } = await resolveTargets([word], options, resolver, () => new Map([[2, 'eth0']]))
  const { message, hints } = unresolvedError(failures[0]!)
  return [message, ...hints].join('; ')
}

test.each<[string, 4 | 6 | null, RegExp, RegExp]>([
  ['fe80::1%nope0', null, /no interface nope0/, /-4|-6 |leave out/],
  ['10.0.4.2%lo', null, /leave out %lo$/, /leave out -6/],
  ['2001:db8::1%eth0', null, /leave out %eth0/, /leave out -4/],
  ['10.0.4.2', 6, /it is an IPv4 address; leave out -6$/, /%/],
  ['2001:db8::1', 4, /it is an IPv6 address; leave out -4$/, /%/],
  ['bee', null, /getent ahosts bee$/, /leave out/],
])('%s, family %j', async (word, family, said, unsaid) => {
  const text = await unresolved(word, family)
  expect(text).toMatch(said)
  expect(text.replace('ip -6 address', '')).not.toMatch(unsaid)
})

test.each<[string, string, string | null, RegExp, RegExp]>([
  ['10.0.1.255', 'EACCES', '10.0.1.1', /broadcast.*name one/, /prohibit/],
  // TCP.
  ['10.0.1.255', 'ENETUNREACH', '10.0.1.1', /broadcast/, /route/],
  ['255.255.255.255', 'EACCES', null, /broadcast/, /prohibit/],
  ['10.8.0.1', 'EACCES', null, /prohibits.*ip route get 10\.8\.0\.1/, /broadcast/],
  ['10.8.0.1', 'EINVAL', null, /blackhole/, /broadcast|%IFACE/],
  ['224.0.0.1', 'ENETUNREACH', '10.0.1.1', /route/, /broadcast/],
  ['fe80::1', 'EINVAL', null, /link-local.*fe80::1%IFACE/, /blackhole/],
  ['fe80::1%eth0', 'EINVAL', null, /blackhole/, /%IFACE/],
])('%s refused with %s, from %j', (address, errno, source, said, unsaid) => {
  const target = { index: 0, target: address, address, family: address.includes(':') ? 6 : 4 } as const
  const { message, hints, exit } = noRouteError({ target, reason: 'words', errno }, source, 'name one')
  const text = [message, ...hints].join('; ')
  expect(exit).toBe(2)
  expect(text).toMatch(said)
  expect(text).not.toMatch(unsaid)
})

test('a link-local target without an interface is noted, unless one was chosen', () => {
  expect(scopeNotes('fe80::1', null).join()).toMatch(/add %IFACE$/)
  expect(
    [scopeNotes('fe80::1%eth0', null), scopeNotes('fe80::1', 'eth0'), scopeNotes('2001:db8::1', null)].flat(),
  ).toEqual([])
})
