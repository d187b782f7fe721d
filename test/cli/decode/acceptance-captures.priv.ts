// What a capture itself may be like: its clock goes back, or it was taken on every device at once.

import { readFile, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import type { TcpFlow } from '../../../src/flow/model.js'
import { describeLab, type TcpScenes, withTcpScenes } from '../../lab/index.js'
import { connections, decode, inspect } from './acceptance.js'

const HEAD = 24
const RECORD = 16

/** Sets back the stamps of a classic capture (those of this machine, of microseconds) from a frame on. */
async function setBack(file: string, frame: number, seconds: number): Promise<void> {
  const bytes = await readFile(file)
  expect(bytes.readUInt32LE(0)).toBe(0xa1b2c3d4)
  for (let at = HEAD, number = 1; at < bytes.length; at += RECORD + bytes.readUInt32LE(at + 8), number++) {
    if (number >= frame) bytes.writeUInt32LE(bytes.readUInt32LE(at) - seconds, at)
  }
  await writeFile(file, bytes)
}

/** Six connections: both families, both sides closing, both at once, a reset. */
async function converse({ play }: TcpScenes): Promise<void> {
  const closings = ['client', 'server', 'both', 'client-abort', 'client v6', 'both v6']
  for (const [at, closing] of closings.entries()) await play('conversation', 4000 + at, ...closing.split(' '))
}

/** What of a connection does not depend on when its packets were seen. */
function timeless({ start, end, rttMs, timings, ...facts }: TcpFlow): Partial<TcpFlow> {
  return facts
}

/** What does not depend on the device where they were seen, either. */
function placeless(flow: TcpFlow): Partial<TcpFlow> {
  const { frameBytes, id, firstFrame, lastFrame, ...facts } = timeless(flow)
  return facts
}

function numbersOf(value: unknown): number[] {
  if (typeof value === 'number') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersOf) : []
}

describeLab('captures that are not as one wishes', () => {
  it('a clock that goes back is told, changes nothing but times, and makes no time negative', async () => {
    await withTcpScenes(async scenes => {
      const file = await scenes.capture(scenes.far)
      await converse(scenes)
      await scenes.captured()
      const [before, wrong] = [await decode(file), await inspect(file)]
      expect(before.captureQuality.clockSteps).toBe(0)
      // In the handshake of the second connection, between its SYN-ACK and the ACK of that.
      const { frames } = connections(before)[1]!
      await setBack(file, frames.handshakeAck!, 3)
      const document = await decode(file)
      const { clockSteps, largestClockStepNs } = document.captureQuality
      expect(clockSteps).toBe(1)
      expect(largestClockStepNs).toBeGreaterThan(0)
      expect(largestClockStepNs).toBeLessThanOrEqual(3e9)
      expect(connections(document).map(timeless)).toEqual(connections(before).map(timeless))
      expect(numbersOf(document.flows).filter(value => value < 0)).toEqual([])
      const { packets, findings } = await inspect(file)
      expect(packets).toEqual(wrong.packets)
      // What is slow depends on times.
      const rules = (found: typeof findings) => found.map(({ rule }) => rule).filter(rule => !rule.startsWith('slow-'))
      expect(rules(findings)).toEqual(['capture-clock', ...rules(wrong.findings)])
    })
  })

  it('a capture on every device (SLL2) tells the same as one on the device', async () => {
    await withTcpScenes(async scenes => {
      const files = [await scenes.capture(scenes.far), await scenes.capture(scenes.far, 'any')] as const
      await converse(scenes)
      await scenes.captured()
      const [device, any] = [await decode(files[0]), await decode(files[1])]
      expect(device.linkTypes).toMatchObject([{ name: 'RAW' }])
      expect(any.linkTypes).toMatchObject([{ name: 'LINUX_SLL2' }])
      expect(connections(device)).toHaveLength(6)
      expect(connections(any).map(placeless)).toEqual(connections(device).map(placeless))
      // The header of SLL2 has 20 bytes, and the device none.
      const bytes = connections(device).map(({ frameBytes, packets }) => frameBytes.client + 20 * packets.client)
      expect(connections(any).map(({ frameBytes }) => frameBytes.client)).toEqual(bytes)
    })
  })
}, ['tcpdump', '/dev/net/tun'])
