import { describe, expect, test } from 'vitest'
import { formatIpv4 } from '../../src/bytes/address.js'
import { PacketWalker } from '../../src/wire/packet-walker.js'
import { FLAW_TRUNCATED, KIND_OTHER, KIND_TCP } from '../../src/wire/walked-packet.js'
import { concat } from '../sockets/diag/build.js'
import { captured, ethernet, ipv4, tcp } from './packet-build.js'

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
