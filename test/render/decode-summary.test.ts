// The summary of a capture: what it says where times and packets are not as they should be.

import { expect, it } from 'vitest'
import type { DecodeHead } from '../../src/flow/decode-document.js'
import { FlowTracker } from '../../src/flow/tracker.js'
import { summaryRows } from '../../src/render/decode-summary.js'
import { captured, ethernet, ipv4, tcp } from '../wire/packet-build.js'

const NONE = { tcp: 0, udp: 0, outcomes: {} }

function head(frames: Uint8Array[], times: [first: string, last: string]): DecodeHead {
  const tracker = new FlowTracker({ seed: 1 })
  for (const frame of frames) tracker.add(captured(1, frame))
  const live = { format: 'pcap', timestampSource: 'file', received: null, dropped: null, interrupted: false } as const
  return {
    file: 'a.pcap',
    packets: frames.length,
    bytes: 0,
    linkTypes: [],
    firstTimestamp: times[0],
    lastTimestamp: times[1],
    warnings: [],
    captureQuality: { ...tracker.quality(), ...live },
  } as DecodeHead
}

it('tells no negative time of a capture that ends before it begins', () => {
  const rows = Object.fromEntries(summaryRows(head([], ['1700000000.000000000', '1699999920.000000000']), NONE))
  expect(rows['time']).toBe('2023-11-14T22:13:20.000000000Z to 2023-11-14T22:12:00.000000000Z')
})

it('says that packets of too many layers were not looked into', () => {
  // IP in IP (protocol 4), 40 times.
  let packet = ipv4(6, tcp({ flags: 2 }))
  for (let layer = 0; layer < 40; layer++) packet = ipv4(4, packet)
  const notes = summaryRows(head([ethernet(0x0800, packet)], ['0.000000000', '0.000000000']), NONE)
  expect(notes).toContainEqual(['note', '1 packet of more layers than are followed: what is inside was not looked at'])
})
