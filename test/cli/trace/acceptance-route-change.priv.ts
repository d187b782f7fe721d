// Must show 4: a route replaced in the middle of a run is one event with the right lists, and two saved runs name the hop.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { TraceDocument } from '../../../src/probe/trace-document.js'
import type { PathChangeEvent, RoundEvent, TraceEvent } from '../../../src/probe/trace-events.js'
import { addDiamond, type Diamond, describeLab, type Family, removeDiamond, setPingGroups } from '../../lab/index.js'
import { NETKIT } from '../run.js'
import { AS_NOBODY, netkitIn, PROTOCOLS, type Protocol, traceIn } from './acceptance.js'

describeLab('netkit trace and a path that changes', () => {
  let diamond: Diamond
  let directory: string
  beforeAll(async () => {
    diamond = await addDiamond()
    await setPingGroups(diamond.source, 'open')
    directory = mkdtempSync(join(tmpdir(), 'nk-trace-'))
    // Others read there.
    chmodSync(directory, 0o755)
  })
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true })
    await removeDiamond(diamond)
  })
  beforeEach(() => diamond.use('a'))

  /** Runs with --ndjson and calls `then` at the end of a round. */
  async function watch(args: readonly string[], round: number, then: () => Promise<void>): Promise<TraceEvent[]> {
    const child = spawn('ip', ['netns', 'exec', diamond.source, NETKIT, 'trace', '-n', '--ndjson', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const events: TraceEvent[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      const event = JSON.parse(line) as TraceEvent
      events.push(event)
      if (event.event === 'round' && event.round === round) await then()
    }
    if (child.exitCode === null) await once(child, 'exit')
    expect(child.exitCode).toBe(0)
    return events
  }

  test.each([
    ['icmp', 4, 'short'],
    ['udp', 4, 'b'],
    ['tcp', 4, 'short'],
    ['icmp', 6, 'b'],
    ['udp', 6, 'short'],
  ] as [Protocol, Family, 'b' | 'short'][])(
    '%s over IPv%i: one event within a round, by the way %s',
    async (protocol, family, way) => {
      const args = [...PROTOCOLS[protocol], '-c', '12', '-i', '0.3', diamond.address('target', family)]
      const events = await watch(args, 4, () => diamond.use(way))
      const rounds = events.filter((event): event is RoundEvent => event.event === 'round')
      const [before, after] = [diamond.path('a', family), diamond.path(way, family)]
      const changes = events.filter((event): event is PathChangeEvent => event.event === 'path-change')
      expect(changes).toMatchObject([{ flow: 0, ttl: 2, before, after }])
      // A first round that the new path was seen in, and at most one more that makes sure of it.
      const firstNew = rounds.find(({ path }) => path[1] === after[1])!
      expect(changes[0]!.round - firstNew.round).toBeLessThanOrEqual(1)
      expect(rounds.at(-1)!.path).toEqual(after)
    },
  )

  test('a hop that vanished has no loss, and the document tells the change', async () => {
    const target = diamond.address('target', 4)
    const events = await watch(['-c', '16', '-i', '0.2', target], 6, () => diamond.use('short'))
    const document = events.at(-1) as unknown as TraceDocument
    const [before, after] = [diamond.path('a', 4), diamond.path('short', 4)]
    expect(document).toMatchObject({ event: 'summary', reached: true, loss: [], rateLimited: [] })
    expect(document.pathChanges).toMatchObject([{ flow: 0, ttl: 2, before, after }])
    for (const { responders } of document.hops) {
      for (const { lossPercent, notAnswering } of responders) {
        expect({ lossPercent, notAnswering }).toEqual({ lossPercent: 0, notAnswering: 0 })
      }
    }
    expect(document.verdict.join('\n')).toMatch(/path changed at hop 2/)
    // The one of now first.
    expect(document.hops[1]!.responders.map(({ address }) => address)).toEqual([after[1], before[1]])
  })

  async function save(name: string, family: Family): Promise<string> {
    const { stdout } = await traceIn(diamond.source, ['-n', '--json', diamond.address('target', family)], AS_NOBODY)
    const file = join(directory, name)
    writeFileSync(file, stdout)
    return file
  }

  test('two saved runs: the hop that differs is named, exit 1; the same path is exit 0', async () => {
    for (const family of [4, 6] as const) {
      await diamond.use('a')
      const [first, again] = [await save('a1.json', family), await save('a2.json', family)]
      await diamond.use('b')
      const other = await save('b.json', family)
      const same = await netkitIn(null, ['trace', 'diff', first, again])
      expect({ code: same.code, stderr: same.stderr }).toEqual({ code: 0, stderr: '' })
      const differ = await netkitIn(null, ['trace', 'diff', first, other])
      expect({ code: differ.code, stderr: differ.stderr }).toEqual({ code: 1, stderr: '' })
      const line = differ.stdout.split('\n').find(text => /hop 2\b/.test(text)) ?? differ.stdout
      expect(line).toContain(diamond.address('a', family))
      expect(line).toContain(diamond.address('b', family))
      expect(differ.stdout).not.toMatch(/hop 1\b.*(→|->|instead)/)
      const json = await netkitIn(null, ['trace', 'diff', '--json', first, other])
      expect(json.code).toBe(1)
      expect(JSON.parse(json.stdout)).toMatchObject({ changedHops: [{ ttl: 2 }] })
    }
  })

  test('--baseline compares with a saved run', async () => {
    const target = diamond.address('target', 4)
    const baseline = await save('base.json', 4)
    await diamond.use('b')
    const { stdout, code } = await traceIn(diamond.source, ['-n', '--baseline', baseline, target], AS_NOBODY)
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`hop 2\\b.*${diamond.address('a', 4).replaceAll('.', '\\.')}`))
  })

  test('what cannot be read is refused', async () => {
    const good = await save('good.json', 4)
    const broken = join(directory, 'broken.json')
    for (const text of ['', '{', '[]', '{"hops":7}', 'x'.repeat(100_000), '\x1b[31m']) {
      writeFileSync(broken, text)
      const { code, stdout, stderr } = await netkitIn(null, ['trace', 'diff', good, broken])
      expect({ text, code, stdout }).toMatchObject({ text, stdout: '' })
      expect(code).toBe(2)
      expect(stderr).toMatch(/^netkit: /)
      expect(stderr).not.toMatch(/^\s+at |\x1b/m)
    }
    const missing = await netkitIn(null, ['trace', 'diff', good, join(directory, 'none.json')])
    expect(missing.code).toBe(2)
    expect(missing.stderr).toMatch(/none\.json/)
  })
})
