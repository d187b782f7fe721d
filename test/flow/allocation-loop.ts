// Gives a tracker the same segments of many connections again and again, and counts garbage collections meanwhile. Run in a
// process of its own by allocation.test.ts.

import { PerformanceObserver, performance } from 'node:perf_hooks'
import { FlowTracker } from '../../src/flow/tracker.js'
import type { CapturedPacket } from '../../src/wire/captured-packet.js'
import { captured, ethernet, ipv4, tcp } from '../wire/packet-build.js'

const FLOWS = 512
const PACKETS = 1_000_000
const WARM_UP = 300_000
const ETHERTYPE_IPV4 = 0x0800
const LINKTYPE_ETHERNET = 1
const IPPROTO_TCP = 6
/** Where the numbers lie in a frame without options. */
const IP = 14
const TCP = IP + 20

const tracker = new FlowTracker({ seed: 1 })
const frame = captured(
  LINKTYPE_ETHERNET,
  ethernet(ETHERTYPE_IPV4, ipv4(IPPROTO_TCP, tcp({ payload: new Uint8Array(100) }))),
)
const packet: CapturedPacket = frame
const { data } = packet
const first = packet.start
const sent = new Uint32Array(FLOWS)
let identification = 0
const kept: object[] = []

function add(number: number, isControl: boolean): void {
  const flow = number % FLOWS
  data.setUint16(first + IP + 4, ++identification & 0xffff)
  data.setUint16(first + TCP, 1024 + flow)
  data.setUint32(first + TCP + 4, sent[flow]!)
  // Every fiftieth is sent again later.
  if (number % 50 !== 0) sent[flow] = sent[flow]! + 100
  packet.frame = number + 1
  packet.seconds = 1_000_000_000 + Math.floor(number / 1000)
  packet.nanoseconds = (number % 1000) * 1_000_000 + 123_457
  tracker.add(packet)
  if (isControl) {
    kept.push({ number, at: `${number}` })
    if (kept.length > 1000) kept.length = 0
  }
}

const pause = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 100))

async function main(isControl: boolean): Promise<void> {
  const entries: { startTime: number }[] = []
  new PerformanceObserver(list => entries.push(...list.getEntries())).observe({ entryTypes: ['gc'] })
  let number = 0
  while (number < WARM_UP) add(number++, isControl)
  await pause()
  const since = performance.now()
  while (number < WARM_UP + PACKETS) add(number++, isControl)
  const until = performance.now()
  await pause()
  const gc = entries.filter(entry => entry.startTime >= since && entry.startTime <= until).length
  process.stdout.write(JSON.stringify({ gc, flows: tracker.flows }))
}

void main(process.argv[2] === 'control')
