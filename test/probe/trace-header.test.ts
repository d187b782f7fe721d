// What a run says of itself.

import { expect, test } from 'vitest'
import type { ProbeTransport } from '../../src/ports/probe.js'
import { traceHeader } from '../../src/probe/trace-answers.js'
import type { TracePlan } from '../../src/probe/trace-plan.js'

const PLAN = { protocol: 'icmp', port: null } as TracePlan

// Whatever was asked for: an automatic choice may fall back to a raw socket.
test.each([
  ['datagram', undefined, 'none'],
  ['udp', undefined, 'none'],
  ['tcp', false, 'none'],
  ['raw', undefined, 'raw'],
  ['raw-socket', undefined, 'raw'],
  ['datagram', true, 'raw'],
  ['tcp', true, 'raw'],
] as const)('over %s, with quoted headers %s, the privilege is %s', (kind, quotedHeaders, privilege) => {
  const transport = { kind, timestamps: 'rx', quotedHeaders } as ProbeTransport
  expect(traceHeader(PLAN, transport, [])).toMatchObject({ transport: kind, privilege })
})
