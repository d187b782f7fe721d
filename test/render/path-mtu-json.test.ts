import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import type { PathMtuLimit, PathMtuResult } from '../../src/probe/path-mtu-result.js'
import { pathMtuObject, unresolvedMtuObject } from '../../src/render/path-mtu-json.js'

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true })
const validate = ajv.compile(
  JSON.parse(readFileSync(new URL('../../schemas/ping-mtu.schema.json', import.meta.url), 'utf8')),
)

const result = (more: Partial<PathMtuResult>): PathMtuResult => ({
  target: { index: 0, target: 'example.net', address: '192.0.2.9', family: 4 },
  transport: 'datagram',
  pathMtu: 1400,
  largestPayload: 1372,
  limit: { by: 'none' },
  error: null,
  timeMs: 12.5,
  probes: [{ sequence: 1, sizeBytes: 1500, outcome: 'too-big', from: '192.0.2.1', mtu: 1400, rttMs: null }],
  ...more,
})
const document = (...targets: object[]): object => JSON.parse(JSON.stringify({ targets }))
const invalid = (value: object): string | null => (validate(value) ? null : ajv.errorsText(validate.errors))

test.each<PathMtuLimit | null>([
  { by: 'icmp', from: '192.0.2.1', mtu: 1400 },
  { by: 'icmp', from: null, mtu: null },
  { by: 'local', mtu: 1500 },
  { by: 'black-hole', smallestLost: 1401 },
  { by: 'none' },
  { by: 'unknown', largestPossible: 9000 },
  null,
])('a limit %j is valid, with the target in words', limit => {
  const object = pathMtuObject(result({ limit }))
  expect(object).toMatchObject({ target: 'example.net', address: '192.0.2.9', limit })
  expect(invalid(document(object))).toBeNull()
})

test('an error has its name and its words', () => {
  const icmp = pathMtuObject(result({ pathMtu: null, error: { from: '192.0.2.1', type: 3, code: 1, errno: 113 } }))
  expect(icmp).toMatchObject({ error: { errno: 'EHOSTUNREACH', reason: 'Destination Host Unreachable' } })
  const local = pathMtuObject(result({ pathMtu: null, error: { from: null, type: null, code: null, errno: 101 } }))
  expect(local).toMatchObject({ error: { errno: 'ENETUNREACH', reason: 'network is unreachable' } })
  expect(invalid(document(icmp, local, unresolvedMtuObject('nosuch', 'Name or service not known')))).toBeNull()
})

test.each([{ pathMtu: 'many' }, { limit: { by: 'bogus' } }, { limit: { by: 'local' } }, { probes: [{}] }, { more: 1 }])(
  '%j is refused',
  wrong => {
    expect(invalid(document({ ...pathMtuObject(result({})), ...wrong }))).not.toBeNull()
  },
)
