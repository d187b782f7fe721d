// netkit decode on captures that are wrong, and asked for what would destroy them.

import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runNetkit } from '../run.js'
import { writeScene } from './scene.js'

const folder = mkdtempSync(join(tmpdir(), 'netkit-damage-'))
const scene = join(folder, 'scene.pcap')
const decode = (...args: string[]): ReturnType<typeof runNetkit> => runNetkit(['decode', ...args])

beforeAll(() => writeScene(scene))
afterAll(() => rmSync(folder, { recursive: true }))

/** A block of pcapng: type, length, body, length again. */
function block(type: number, body: number[]): number[] {
  const words = new Uint32Array([type, 12 + body.length])
  const head = [...new Uint8Array(words.buffer)]
  return [...head, ...body, ...head.slice(4)]
}

const SECTION = block(0x0a0d0d0a, [0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255])
/** Ethernet, no snaplen. */
const INTERFACE = block(1, [1, 0, 0, 0, 0, 0, 0, 0])
/** An enhanced packet of four bytes, at time 0. */
const packet = (interfaceId: number, captured = 4): number[] =>
  block(6, [interfaceId, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, captured, 0, 0, 0, captured, 0, 0, 0, 1, 2, 3, 4])

it.each([
  ['of an interface that is not described', packet(7)],
  ['longer than its block', packet(0, 200)],
])('exits 5 where a packet in the middle is left out, being %s', async (what, wrong) => {
  const file = join(folder, 'wrong.pcapng')
  writeFileSync(file, Uint8Array.from([...SECTION, ...INTERFACE, ...packet(0), ...wrong, ...packet(0)]))
  const { stdout, code } = await decode(file, '--json')
  expect(JSON.parse(stdout)).toMatchObject({ packets: 2, warnings: [expect.stringContaining(what)] })
  expect(code).toBe(5)
})

it('does not write over the capture that it reads, by whatever name', async () => {
  const before = readFileSync(scene)
  const link = join(folder, 'link.pcap')
  symlinkSync('scene.pcap', link)
  for (const [flag, name] of [
    ['--write', scene],
    ['--write', link],
    ['--html', link],
  ] as const) {
    const { stderr, stdout, code } = await decode(scene, '--port', '1', flag, name)
    expect([stderr, stdout, code]).toEqual([expect.stringContaining('would replace the capture'), '', 2])
  }
  expect(readFileSync(scene).equals(before)).toBe(true)
})
