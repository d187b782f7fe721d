// Where a live capture is written: one file, several, a pipe; and who it is taken from.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { withCable } from '../../adapters/capture-lab.js'
import { describeLab, inNetns } from '../../lab/index.js'
import { netkitIn } from '../acceptance.js'
import { decode } from '../decode/acceptance.js'
import { NETKIT } from '../run.js'
import { capMissing, linesOf, makeTraffic, replay, startCapture, withFolder, withServer } from './acceptance.js'

describeLab('what netkit capture writes', () => {
  test('goes on in new files by size, and keeps the newest of them', async () => {
    await withFolder(async folder => {
      const { stderr, stdout, code } = await withCable((near, far) =>
        withServer(near, far, async connect => {
          const rotation = ['--rotate-size', '4k', '--keep', '3']
          const capture = await startCapture(far, [
            '-i',
            'v1',
            '-q',
            '-w',
            join(folder, 'out.pcap'),
            ...rotation,
            'tcp',
          ])
          await connect(20)
          return capture.interrupt()
        }),
      )
      expect(code).toBe(0)
      const files = readdirSync(folder).sort()
      expect(files).toHaveLength(3)
      for (const file of files) expect(file).toMatch(/^out_\d{5}_\d{8}T\d{6}Z\.pcap$/)
      const [, packets] = /\npackets +([\d,]+),/.exec(stdout)!
      expect(stderr).toContain(`netkit: wrote ${packets} packets, `)
      expect(stderr).toContain(` to 3 files, ${join(folder, files[0]!)} ...\n`)
      for (const file of files) expect((await decode(join(folder, file))).packets).toBeGreaterThan(10)
    })
  })

  test('is a capture on standard output, and nothing else', async () => {
    const piped = await withCable((near, far) =>
      withServer(near, far, async connect => {
        const line = '"$NETKIT" capture -i v1 -w - -c 20 tcp | "$NETKIT" decode - --json'
        const result = inNetns(far, ['bash', '-c', line], { env: { ...process.env, NETKIT } })
        await repeatedUntil(result, connect)
        return result
      }),
    )
    expect(piped.code).toBe(0)
    expect(piped.stderr).toMatch(
      /^netkit: capturing on v1, .*\nnetkit: \d+ packets received by filter, 0 dropped by kernel\n$/,
    )
    const { packets, captureQuality } = JSON.parse(piped.stdout) as {
      packets: number
      captureQuality: { format: string }
    }
    expect({ packets, format: captureQuality.format }).toEqual({ packets: 20, format: 'pcap' })
  })

  test('ends quietly when nobody reads its events any more, and leaves the file whole', async () => {
    await withFolder(async folder => {
      const file = join(folder, 'out.pcap')
      const result = await withCable((near, far) =>
        withServer(near, far, async connect => {
          const line = `"$NETKIT" capture -i v1 -w ${file} tcp | head -1; echo "\${PIPESTATUS[0]}"`
          const ended = inNetns(far, ['bash', '-c', line], { env: { ...process.env, NETKIT } })
          await repeatedUntil(ended, connect)
          return ended
        }),
      )
      expect(result.stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}#1 .* opened\n0\n$/)
      expect(result.stderr).toMatch(/^netkit: capturing on v1, .*\nnetkit: wrote \d+ packets, .* to .*\n$/)
      expect((await decode(file)).packets).toBeGreaterThan(3)
    })
  })

  test('does not wait for a reader who pauses, who gets all of it later', async () => {
    await withFolder(async folder => {
      const traffic = await makeTraffic(folder)
      const { packets } = await decode(traffic)
      const { stdout, code } = await withCable(async (near, far) => {
        const args = ['--packets', '--ndjson', '-c', String(packets), '-w', join(folder, 'out.pcap')]
        const capture = await startCapture(far, ['-i', 'v1', ...args, 'tcp'])
        capture.child.stdout!.pause()
        await replay(near, traffic)
        await capture.says(`wrote ${packets.toLocaleString('en-US')} packets`, 'stderr')
        capture.child.stdout!.resume()
        return capture.ended()
      })
      expect(code).toBe(0)
      const lines = linesOf<{ type: string }>(stdout)
      expect(lines.filter(({ type }) => type === 'packet')).toHaveLength(packets)
      expect(lines.at(-1)).toMatchObject({ type: 'summary', captureQuality: { droppedByKernel: 0, notPrinted: 0 } })
    })
  })

  test('is refused where it cannot be written, before anything is captured', async () => {
    await withCable(async (_, far) => {
      const { code, stderr } = await netkitIn(far, ['capture', '-i', 'v1', '-w', '/proc/nowhere/x.pcap'])
      expect(code).toBe(4)
      expect(stderr).toMatch(/^netkit: cannot write \/proc\/nowhere\/x\.pcap: no such file or directory \(ENOENT\)\n/)
    })
  })

  test('has the last packets before a silence in the file', async () => {
    await withFolder(async folder => {
      const file = join(folder, 'out.pcap')
      await withCable((near, far) =>
        withServer(near, far, async connect => {
          const capture = await startCapture(far, ['-i', 'v1', '--packets', '--ndjson', '-w', file, 'tcp'])
          await pause(1200)
          // What it is written for comes with the first of these; the second is within a second of that, and nothing comes after it.
          await connect()
          await pause(300)
          await connect()
          await pause(2000)
          const { packets } = await decode(file)
          expect(packets).toBe(linesOf<object>(capture.stdout).length)
          expect(packets).toBeGreaterThan(20)
          await capture.interrupt()
        }),
      )
    })
  })

  test('does not claim to have written what a full disk did not take', async () => {
    await withCable((near, far) =>
      withServer(near, far, async connect => {
        const capture = await startCapture(far, ['-i', 'v1', '-q', '-w', '/dev/full', 'tcp'])
        await connect()
        const { code, stderr, stdout } = await capture.ended()
        expect(code).toBe(4)
        expect(stderr).toContain('netkit: cannot write /dev/full: no space left on device (ENOSPC)\n')
        expect(stderr).not.toContain('wrote')
        expect(stdout).toMatch(/^packets +[1-9]/m)
      }),
    )
  })

  const missing = capMissing()
  if (missing !== null) process.stderr.write(`skipped: the cap source: needs ${missing}\n`)
  test.skipIf(missing !== null)(
    'comes through the cap package as it does through the ring, with its limits said',
    async () => {
      const [ring, cap] = await withCable((near, far) =>
        withServer(near, far, async connect => {
          const sources = []
          for (const source of ['ring', 'cap'])
            sources.push(await startCapture(far, ['-i', 'v1', '--ndjson', '--source', source, 'net 192.0.2.0/24']))
          await connect(5)
          for (const source of sources) await source.says('icmp-error')
          return Promise.all(sources.map(source => source.interrupt()))
        }),
      )
      type Line = { type: string; event?: string; flow?: number; by?: string; outcome?: string }
      const facts = ({ stdout }: { stdout: string }) =>
        linesOf<Line>(stdout)
          .filter(({ type }) => type !== 'summary')
          .map(({ type, event, flow, by, outcome }) => ({ type, event, flow, by, outcome }))
      expect(facts(cap!)).toEqual(facts(ring!))
      const limits =
        "captured with the cap package: times are this program's, what the kernel dropped is not known, packets are cut at 65,535 bytes, and it crashes when the interface goes down"
      expect(cap!.stderr).toContain(`netkit: ${limits}\n`)
      const summary = linesOf<{ type: string; warnings: string[]; captureQuality: object }>(cap!.stdout).at(-1)!
      expect(summary).toMatchObject({
        type: 'summary',
        warnings: [limits],
        captureQuality: { format: 'cap', timestampSource: 'user-space', droppedByKernel: null },
      })
    },
  )
})

/** Until the capture has had what it waits for, whenever it began. */
async function repeatedUntil(ended: Promise<unknown>, connect: () => Promise<void>): Promise<void> {
  let isEnded = false
  const noted = ended.finally(() => {
    isEnded = true
  })
  while (!isEnded) {
    await connect()
    await pause(200)
  }
  await noted
}
