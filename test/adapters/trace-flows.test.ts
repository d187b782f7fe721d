// Flows of a trace over TCP and UDP, to this host: nobody needs a permission for that.

import { afterEach, expect, test } from 'vitest'
import { openTcpProbe } from '../../src/adapters/tcp-probe.js'
import { openUdpProbe } from '../../src/adapters/udp-probe.js'
import { ERRNO } from '../../src/errors/index.js'
import type { ProbeOptions, ProbeTransport } from '../../src/ports/probe.js'
import type { SocketHandle, SocketPort } from '../../src/ports/socket.js'
import { SCOUT_FLOWS } from '../../src/probe/trace-plan.js'
import { TCP_INFO } from '../../src/sockets/tcp-info.js'
import { native } from '../native/helper.js'
import { probeOptions, receiveUntil, Seen } from './probe-helper.js'
import { traceBatch } from './trace-collect.js'

const CLOSED = 9
/** netinet/tcp.h: the option, and the state of a handshake that nobody has answered. */
const TCP_INFO_OPTION = 11
const TCP_SYN_SENT = 2

const open: ProbeTransport[] = []
afterEach(() => {
  for (const transport of open.splice(0)) transport.close()
})

const opened = (
  opener: (port: SocketPort, options: ProbeOptions) => ProbeTransport,
  more: Partial<ProbeOptions> = {},
  port: SocketPort = native,
): ProbeTransport => {
  const options = probeOptions(['127.0.0.1'], { port: CLOSED, sourcePort: null, timestamps: 'rx', ...more })
  const transport = opener(port, options)
  open.push(transport)
  return transport
}

// 64,900 and a thousand is no port.
test.each([
  ['UDP', openUdpProbe],
  ['TCP', openTcpProbe],
] as const)('scouts over %s leave from ports of the kernel, not from those behind the first', (_, opener) => {
  const transport = opened(opener, { sourcePort: 64_900 })
  const flows = [0, 1, SCOUT_FLOWS + 1, SCOUT_FLOWS + 2]
  const batch = traceBatch(flows.map((flow, index) => ({ sequence: index + 1, ttl: 1, flow })))
  expect(transport.send(batch)).toBe(flows.length)
  expect([...batch.result]).toEqual([0, 0, 0, 0])
  const ports = flows.map(flow => transport.flowValue?.(flow))
  expect(ports.slice(0, 2)).toEqual([64_900, 64_901])
  expect(new Set(ports).size).toBe(flows.length)
  expect(ports).not.toContain(0)
})

test.each([
  ['UDP', openUdpProbe],
  ['TCP', openTcpProbe],
] as const)(
  'a chosen port over %s that another program has is told of with its flow before anything is sent',
  (_, opener) => {
    const first = 64_910
    opened(opener, { sourcePort: first + 2 })
    const open = (flows: number) => opened(opener, { sourcePort: first, flows })
    expect(() => open(4)).toThrow(/source port 64912, of flow 2: .*EADDRINUSE/)
    // Those that had been taken are free again.
    expect(open(2).flowValue?.(1)).toBe(first + 1)
  },
)

test('a handshake that the kernel tells nothing of is not taken for one whose SYN was repeated', async () => {
  const handles: SocketHandle[] = []
  const port: SocketPort = {
    ...native,
    connect: (handle, address) => {
      handles.push(handle)
      return native.connect(handle, address)
    },
    getOption: (handle, level, name, out) => {
      if (name !== TCP_INFO_OPTION || out.length !== TCP_INFO.size) return native.getOption(handle, level, name, out)
      if (handle !== handles[0]) return -ERRNO.EINVAL
      const info = new DataView(out.buffer)
      info.setUint8(0, TCP_SYN_SENT)
      info.setUint32(TCP_INFO.offset.totalRetransSegments, 1, true)
      return out.length
    },
  }
  const transport = opened(openTcpProbe, {}, port)
  const seen = new Seen()
  transport.send(traceBatch([0, 1].map(flow => ({ sequence: flow + 1, ttl: 1, flow }))))
  await receiveUntil(transport, seen, () => seen.replies.length > 0, 1000)
  expect(seen.replies.map(({ sequence, answer }) => [sequence, answer])).toContainEqual([2, 'refused'])
})
