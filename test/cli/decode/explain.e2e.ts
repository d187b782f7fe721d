// netkit decode --explain as a user runs it, on the capture of scene.ts.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Finding } from '../../../src/flow/finding.js'
import { runNetkit } from '../run.js'
import { writeScene } from './scene.js'

const folder = mkdtempSync(join(tmpdir(), 'netkit-explain-'))
const scene = join(folder, 'scene.pcap')
const decode = (...args: string[]): ReturnType<typeof runNetkit> => runNetkit(['decode', scene, ...args])

beforeAll(() => writeScene(scene))
afterAll(() => rmSync(folder, { recursive: true }))

it('says what is wrong, the worst first, in 80 columns, and the same each time', async () => {
  const { stdout, stderr, code } = await decode('--explain')
  expect([stderr, code]).toEqual(['', 0])
  expect(stdout.split('\n').every(line => line.length <= 80)).toBe(true)
  expect(stdout.split('\n').filter(line => /^(error|warning|note): /.test(line))).toEqual([
    'error: refused, flow 1',
    'note: retransmissions, flow 2',
  ])
  expect(stdout).toContain('10.0.0.2:443 refused 10.0.0.1:40001 (frames 1, 2)')
  expect((await decode('--explain')).stdout).toBe(stdout)
})

it('says the same in JSON, of all flows or of those that are selected', async () => {
  const found = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await decode('--json', ...args)
    return (JSON.parse(stdout) as { findings: Finding[] }).findings.map(({ rule }) => rule)
  }
  expect(await found()).toEqual(['refused', 'retransmissions'])
  expect(await found('--outcome', 'refused')).toEqual(['refused'])
  expect((await decode('--explain', '--flow', '2')).stdout).toMatch(/^note: retransmissions, flow 2\n/)
})

it('is about flows: packets and comma-separated values have no findings', async () => {
  for (const flag of ['--packets', '--ladder', '--csv']) {
    const { stderr, code } = await decode('--explain', flag)
    expect([code, stderr.includes(`excludes ${flag}`)]).toEqual([2, true])
  }
})
