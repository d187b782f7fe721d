import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const PACKETS = 1_000_000

describe('garbage collections while a million packets are walked through, labelled and counted', () => {
  let directory = ''
  let file = ''

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'netkit-allocation-'))
    file = join(directory, 'loop.cjs')
    await build({
      entryPoints: [fileURLToPath(new URL('allocation-loop.ts', import.meta.url))],
      outfile: file,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      logLevel: 'error',
    })
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  async function count(what: string): Promise<{ gc: number; flows: number }> {
    const { stdout } = await promisify(execFile)(process.execPath, ['--max-semi-space-size=1', file, what])
    const counted = JSON.parse(stdout) as { gc: number; flows: number }
    console.log(`${what}: ${counted.gc} garbage collections in ${PACKETS} packets of ${counted.flows} flows`)
    return counted
  }

  test('there are none, but for a stray one of the engine itself', async () => {
    const { gc, flows } = await count('tracker')
    expect(flows).toBe(512)
    expect(gc).toBeLessThanOrEqual(1)
  })

  test('a loop that makes an object and a string per packet is found out', async () => {
    expect((await count('control')).gc).toBeGreaterThan(50)
  })
})
