import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

interface Counted {
  name: string
  /** Sockets that went through the loop. */
  sockets: number
  /** Garbage collections meanwhile. */
  gc: number
}

describe('garbage collections while sockets are decoded and printed', () => {
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

  /** The young generation is kept at 1 MiB: with one collection a MiB, 8 bytes a socket would show as 14 of them. */
  async function count(name: string): Promise<Counted> {
    const { stdout } = await promisify(execFile)(process.execPath, ['--max-semi-space-size=1', file, name])
    const counted = JSON.parse(stdout) as Counted
    console.log(`${name}: ${counted.gc} garbage collections in ${counted.sockets} sockets`)
    return counted
  }

  test.each(['decode', 'table', 'dedupe'])(
    'there is none in the loop "%s" but for a stray one of the engine itself',
    async name => {
      const { gc, sockets } = await count(name)
      expect(sockets).toBeGreaterThan(1_000_000)
      expect(gc).toBeLessThanOrEqual(1)
    },
  )

  test.each(['fresh', 'dump'])('in the loop "%s" there are few, all for renewing the window of cookies', async name => {
    const { gc, sockets } = await count(name)
    // A window of 1.2 MB outside the heap for each 65,536 sockets; V8 collects for it once in a while.
    expect(gc).toBeLessThanOrEqual(Math.ceil(sockets / 65_536) * 2)
  })

  test('a loop that makes an object and a string per socket is found out', async () => {
    const { gc } = await count('control')
    expect(gc).toBeGreaterThan(10)
  })
})
