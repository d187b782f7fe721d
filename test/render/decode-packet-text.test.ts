import { expect, it } from 'vitest'
import { FlowTracker } from '../../src/flow/tracker.js'
import { packetTable, writePacketRow } from '../../src/render/decode-packet-text.js'
import { captured, ethernet, ipv4, tcp } from '../wire/packet-build.js'

it('keeps the label of a packet apart from the reason why it could not be read', () => {
  let text = ''
  const out = packetTable(bytes => {
    text += Buffer.from(bytes).toString()
  })
  const packet = captured(1, ethernet(0x0800, ipv4(6, tcp()).fill(0, 0, 1)))
  const tracker = new FlowTracker()
  tracker.add(packet)
  writePacketRow(out, packet, tracker)
  out.flush()
  expect(text).toMatch(/ malformed malformed header\n$/)
})
