// Must show 6: MPLS labels and interfaces of routers, compliant and legacy, of three protocols without privilege, in every view; and
// names of interfaces that are made to hurt a terminal.

import { describe, expect, test } from 'vitest'
import type { TraceEvent, TraceReplyEvent } from '../../../src/probe/trace-events.js'
import {
  describeLab,
  inNetns,
  loadScenarios,
  type ScenarioNode,
  setPingGroups,
  startNetwork,
  withNetns,
} from '../../lab/index.js'
import { NETKIT } from '../run.js'
import { AS_NOBODY, PROTOCOLS, traceIn } from './acceptance.js'

const scenarios = loadScenarios()
const TARGET = '203.0.113.9'
/** What a terminal obeys. */
const OBEYED = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/

/** One router whose interface has this name, and a target. */
function namedRouter(name: string, extensions: 'compliant' | 'legacy'): ScenarioNode {
  const bytes = Buffer.from(name)
  const length = Math.ceil((bytes.length + 1) / 4) * 4
  const padded = Buffer.concat([Buffer.of(length), bytes, Buffer.alloc(length - 1 - bytes.length)])
  return { address: '192.0.2.10', extensions, objects: [{ class: 2, type: 0x02, hex: padded.toString('hex') }] }
}

describeLab('netkit trace and what routers append', () => {
  describe.each([4, 6] as const)('IPv%i', family => {
    test.each(['compliant', 'legacy'])('%s: text and events tell what traceroute -e tells', async form => {
      const { hops, target } = scenarios.find(({ name }) => name === `v${family}-extensions-${form}`)!
      await withNetns(async ns => {
        await setPingGroups(ns, 'open')
        await startNetwork(ns, { hops, target })
        const peer = await inNetns(ns, ['traceroute', '-n', '-e', '-q1', '-w.5', target.address])
        expect(peer.stdout).toContain('MPLS:L=16001,E=5,S=0,T=1/L=42,E=0,S=1,T=254')
        for (const protocol of ['icmp', 'udp', 'tcp'] as const) {
          const args = ['-n', ...PROTOCOLS[protocol], target.address]
          const { stdout, code } = await traceIn(ns, args, AS_NOBODY)
          expect({ protocol, code }).toEqual({ protocol, code: 0 })
          const [line] = stdout.split('\n').filter(text => /^ *2 /.test(text))
          expect(line).toMatch(/MPLS:L=16001,E=5,S=0,T=1\/L=42,E=0,S=1,T=254/)
          expect(line).toContain(family === 4 ? 'xe-0/1' : 'et-1')
          const events = await traceIn(ns, ['--ndjson', ...args], AS_NOBODY)
          const replies = events.stdout
            .split('\n')
            .filter(Boolean)
            .map(text => JSON.parse(text) as TraceEvent)
            .filter((event): event is TraceReplyEvent => event.event === 'reply' && event.ttl === 2)
          expect(replies.length).toBeGreaterThan(0)
          for (const { mpls, interfaces } of replies) {
            expect(mpls?.map(({ label }) => label)).toEqual([16_001, 42])
            expect(interfaces?.map(({ name }) => name)).toEqual([family === 4 ? 'xe-0/1' : 'et-1'])
          }
        }
      })
    })
  })

  test.each(['\x1b[2J\x1b]0;owned\x07', 'a\nb\rc', '\u202egnp', '\x9b31m', '%s%n', '<b>&amp;'])(
    'an interface called %j reaches no terminal as it is',
    async name => {
      await withNetns(async ns => {
        await setPingGroups(ns, 'open')
        await startNetwork(ns, { hops: [namedRouter(name, 'compliant')], target: { address: TARGET } })
        for (const view of [[], ['-r', '-c', '1'], ['--csv'], ['--dot']]) {
          const { stdout, stderr, code } = await traceIn(ns, ['-n', ...view, TARGET], AS_NOBODY)
          expect({ view, code, stderr }).toEqual({ view, code: 0, stderr: '' })
          // Lines of CSV end as RFC 4180 has it.
          expect(stdout.replaceAll('\r\n', '\n')).not.toMatch(OBEYED)
        }
        for (const view of ['--json', '--ndjson']) {
          // Into a terminal that script(1) makes: a pipe gets the name as it is.
          const command = `${NETKIT} trace -n ${view} ${TARGET}`
          const { stdout } = await inNetns(ns, ['script', '-qec', command, '/dev/null'])
          expect(stdout).toContain(TARGET)
          expect(stdout.replaceAll('\r\n', '\n')).not.toMatch(OBEYED)
          const piped = await traceIn(ns, ['-n', view, TARGET], AS_NOBODY)
          const document = view === '--json' ? JSON.parse(piped.stdout) : null
          if (document) expect(document.hops[0].responders[0].interfaces[0].name).toBe(name)
        }
      })
    },
  )

  test('names of 63 bytes, and of none, are told in full', async () => {
    for (const extensions of ['compliant', 'legacy'] as const) {
      for (const name of ['x'.repeat(63), '']) {
        await withNetns(async ns => {
          await setPingGroups(ns, 'open')
          await startNetwork(ns, { hops: [namedRouter(name, extensions)], target: { address: TARGET } })
          const { stdout } = await traceIn(ns, ['-n', '--json', TARGET], AS_NOBODY)
          expect(JSON.parse(stdout).hops[0].responders[0].interfaces).toMatchObject([{ role: 'incoming', name }])
        })
      }
    }
  })
}, ['g++', '/dev/net/tun', 'traceroute', 'script'])
