// Must show 8: networks out of scenario files, each with what is to be found in it, by hand (test/lab/scenarios).

import { describe, expect, test } from 'vitest'
import type { TraceDocument } from '../../../src/probe/trace-document.js'
import {
  describeLab,
  loadScenarios,
  type ScenarioFacts,
  setPingGroups,
  setSysctls,
  startNetwork,
  withNetns,
} from '../../lab/index.js'
import { AS_NOBODY, documentOf, hopsOf, PROTOCOLS } from './acceptance.js'

/** The facts that the document has, in the words of the scenario. */
function checkFacts(document: TraceDocument & { exit: number | null }, facts: ScenarioFacts): void {
  const { exit, reached, verdict } = document
  const sorted = facts.hops.map(addresses => [...addresses].sort())
  expect({ verdict, exit, reached, hops: hopsOf(document) }).toEqual({
    verdict,
    exit: facts.exit,
    reached: facts.reached,
    hops: sorted,
  })
  const said = verdict.join('\n')
  for (const pattern of facts.verdict ?? []) expect(said).toMatch(new RegExp(pattern.replace('(?i)', ''), 'i'))
  for (const pattern of facts.not ?? []) expect(said).not.toMatch(new RegExp(pattern, 'i'))
  if (facts.loss) {
    const places = document.loss.map(({ afterTtl, beforeTtl }) => [afterTtl, beforeTtl])
    expect({ said, places }).toEqual({ said, places: facts.loss.map(({ after, before }) => [after, before]) })
    for (const [at, { least, most }] of facts.loss.entries()) {
      expect(document.loss[at]!.percent).toBeGreaterThanOrEqual(least)
      expect(document.loss[at]!.percent).toBeLessThanOrEqual(most)
    }
  }
  if (facts.rateLimited) {
    const limited = facts.rateLimited.map(ttl => ({ ttl, verified: true }))
    expect({ said, limited: document.rateLimited }).toEqual({ said, limited })
  }
  const responder = (ttl: string) => document.hops.find(hop => hop.ttl === Number(ttl))?.responders[0]
  for (const [ttl, [type, code]] of Object.entries(facts.icmp ?? {})) {
    expect(responder(ttl)?.icmp).toContainEqual(expect.objectContaining({ type, code }))
  }
  for (const [ttl, mpls] of Object.entries(facts.mpls ?? {})) expect(responder(ttl)?.mpls).toEqual(mpls)
  for (const [ttl, info] of Object.entries(facts.interfaces ?? {})) expect(responder(ttl)?.interfaces).toEqual(info)
  for (const [ttl, tos] of Object.entries(facts.tos ?? {}))
    expect({ ttl, tos: responder(ttl)?.tos }).toEqual({ ttl, tos })
  for (const [ttl, translated] of Object.entries(facts.translated ?? {})) {
    expect({ ttl, translated: responder(ttl)?.translated }).toEqual({ ttl, translated })
  }
  if (facts.targetState) expect(document.targetState).toBe(facts.targetState)
  for (const [ttl, addresses] of Object.entries(facts.branches ?? {})) {
    const found = document.branches?.byTtl.find(hop => hop.ttl === Number(ttl))?.addresses
    expect([...(found ?? [])].sort()).toEqual(addresses)
  }
}

describeLab('netkit trace in networks out of files', () => {
  for (const { name, title, hops, target, run, expect: facts } of loadScenarios()) {
    // Most of them wait for answers that do not come.
    describe.concurrent(`${name}: ${title}`, () => {
      test.each(run.protocols)('%s', async protocol => {
        await withNetns(async ns => {
          await setSysctls(ns, { 'ipv4.conf.all.rp_filter': 0, 'ipv4.conf.default.rp_filter': 0 })
          await setPingGroups(ns, 'open')
          await startNetwork(ns, { hops, target })
          const args = [...PROTOCOLS[protocol], ...(run.args ?? []), target.address]
          checkFacts(await documentOf(ns, args, run.raw ? {} : AS_NOBODY), facts)
        })
      })
    })
  }
}, ['g++', '/dev/net/tun'])
