import { PerformanceObserver, performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { formatIpv4 } from '../../src/bytes/address.js'
import { PacketWalker } from '../../src/wire/packet-walker.js'
import { FLAW_TRUNCATED, KIND_OTHER, KIND_TCP } from '../../src/wire/walked-packet.js'
import { concat } from '../sockets/diag/build.js'
import { captured, ethernet, ipv4, tcp } from './packet-build.js'
import { PACKETS } from './packet-samples.js'

const PAYLOAD = new TextEncoder().encode('GET / HTTP/1.0\r\n\r\n')
const FRAME = ethernet(0x0800, ipv4(6, tcp({ flags: 0x18, payload: PAYLOAD })))

describe('a TCP segment', () => {
  test('in Ethernet and IPv4 is read whole', () => {
    const walked = new PacketWalker().walk(captured(1, FRAME))
    expect(walked).toMatchObject({ kind: KIND_TCP, flaws: 0, stop: 0, encapsulation: 0, family: 4, protocol: 6 })
    expect(walked).toMatchObject({ sourcePort: 40_000, destinationPort: 80, sequence: 1000, acknowledgment: 2000 })
    expect(walked).toMatchObject({ flags: 0x18, window: 512, ttl: 64, identification: 1, dontFragment: true })
    expect(walked).toMatchObject({ networkStart: 14, transportStart: 34, payloadStart: 54, payloadBytes: 18 })
    expect([formatIpv4(walked.source3), formatIpv4(walked.destination3)]).toEqual(['192.0.2.1', '198.51.100.2'])
  })

  test('its payload does not grow by the padding of a short frame', () => {
    const padded = concat(ethernet(0x0800, ipv4(6, tcp())), new Uint8Array(6))
    expect(new PacketWalker().walk(captured(1, padded))).toMatchObject({ payloadBytes: 0, transportEnd: 54 })
  })

  test('that the capture cut keeps the length of its payload', () => {
    for (let length = 0; length < FRAME.length; length++) {
      const walked = new PacketWalker().walk(captured(1, FRAME.slice(0, length), FRAME.length))
      expect(walked.flaws).toBe(FLAW_TRUNCATED)
      expect(walked.kind).toBe(length < 52 ? KIND_OTHER : KIND_TCP)
      expect(walked.payloadBytes).toBe(length < 52 ? 0 : 18)
    }
  })
})

/** Collections of garbage while `loop` runs. */
async function collections(loop: () => void): Promise<number> {
  const starts: number[] = []
  const observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries()) starts.push(entry.startTime)
  })
  observer.observe({ entryTypes: ['gc'] })
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const from = performance.now()
  loop()
  const to = performance.now()
  await setImmediate()
  await setImmediate()
  observer.disconnect()
  return starts.filter(start => start >= from && start <= to).length
}

describe('a walk', () => {
  const packets = PACKETS.map(({ linkType, bytes }) => captured(linkType, bytes))
  const walker = new PacketWalker()
  const kept: unknown[] = []
  const walkMany = (rounds: number, keep: boolean): void => {
    for (let round = 0; round < rounds; round++) {
      for (const packet of packets) {
        const { kind } = walker.walk(packet)
        if (keep) kept[round & 0xff] = { kind, packet, round }
      }
    }
  }

  test('allocates nothing', async () => {
    walkMany(1000, false)
    expect(await collections(() => walkMany(5000, false))).toBe(0)
    // The same with an object a packet: the count would tell.
    walkMany(1000, true)
    expect(await collections(() => walkMany(15_000, true))).toBeGreaterThan(0)
  })
})
