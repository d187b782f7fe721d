// Rows about round-trip times: agreement with ping, a blocked event loop, replies that are held, short intervals.

import { fileURLToPath } from 'node:url'
import { measure, median } from './load.mjs'
import { inNamespace, LIMIT_SECONDS, saidOf } from './ping-lab.mjs'
import { eventTimes, micros, quantile, textTimes } from './samples.mjs'

const BLOCKED = fileURLToPath(new URL('ping-blocked.mjs', import.meta.url))

const INTERVAL = ['-n', '-i', '0.1']
const INTERVAL_MS = 100

/** Why a run of a tool does not count: its exit code, or replies that are missing. */
function faults(name, run, times, due) {
  const found = []
  if (run.code !== 0) found.push(`${name} exit ${run.code}: ${saidOf(run)}`)
  const short = times.filter(list => list.length !== due)
  if (short.length > 0) found.push(`${name}: ${short.map(list => list.length).join(', ')} replies instead of ${due}`)
  return found
}

/** What netkit says of itself after the summary: transport, where the times are from. */
const ownRemarks = stderr => stderr.split('\n').filter(line => line.startsWith('netkit: '))

const goalText = ({ us, percent }) => `max(${us} µs, ${percent} %)`
const within = (difference, base, { us, percent }) =>
  Math.abs(difference) <= Math.max(us / 1000, (base * percent) / 100)

const NEAR = { us: 4, percent: 8 }
const NEVER_WORSE = { us: 10, percent: 20 }

export function agreement(name, place, open) {
  return {
    name,
    work: `median, 64-byte ICMP every ${INTERVAL_MS} ms, ${place}`,
    goal: `${goalText(NEAR)} in 4 of 5 blocks, ${goalText(NEVER_WORSE)} in all`,
    async measure({ lab, netkit, quick, rounds = quick ? 2 : 5 }) {
      const count = quick ? 20 : 60
      const runs = await open(lab, (ns, target) => {
        const args = [...INTERVAL, '-c', String(count), target]
        const commands = [
          { name: 'netkit', argv: [...netkit, 'ping', ...args] },
          { name: 'ping', argv: ['ping', ...args] },
        ]
        return measure(ns, { commands, rounds, output: 'keep', limitSeconds: LIMIT_SECONDS })
      })
      const times = { netkit: runs.netkit.texts.map(textTimes), ping: runs.ping.texts.map(textTimes) }
      const notes = ['netkit', 'ping'].flatMap(tool => faults(tool, runs[tool], times[tool], count))
      const medians = { netkit: times.netkit.map(median), ping: times.ping.map(median) }
      const differences = medians.netkit.map((ms, block) => ms - medians.ping[block])
      const near = differences.filter((difference, block) => within(difference, medians.ping[block], NEAR)).length
      const never = differences.every((difference, block) => within(difference, medians.ping[block], NEVER_WORSE))
      const blocks = differences.map((difference, block) => `${micros(medians.ping[block])}${micros(difference, true)}`)
      return {
        ours: `${micros(median(medians.netkit))} µs`,
        peer: `ping ${micros(median(medians.ping))} µs`,
        measured: `${micros(median(differences), true)} µs; ${near} of ${rounds}`,
        passed: never && near >= rounds - Math.floor(rounds / 5),
        notes,
        remarks: [`by block, µs: ${blocks.join(', ')}`, ...ownRemarks(runs.netkit.stderr)],
        data: { count, medians },
      }
    },
  }
}

const BLOCK_MS = 20
const PERIOD_MS = 50
const BLOCKED_MEDIAN_US = 10
const BLOCKED_P99_US = 100

export const blocked = {
  name: 'blocked',
  work: `event loop blocked ${BLOCK_MS} ms in every ${PERIOD_MS}, loopback, every ${INTERVAL_MS} ms, through the library`,
  goal: `median within ${BLOCKED_MEDIAN_US} µs of unblocked, p99 <= ping's + ${BLOCKED_P99_US} µs`,
  async measure({ lab, quick, rounds = quick ? 2 : 5 }) {
    const count = quick ? 20 : 60
    const runs = await inNamespace(lab, (ns, target) => {
      const script = ['node', BLOCKED, target, String(count), String(INTERVAL_MS)]
      const commands = [
        { name: 'unblocked', argv: script },
        { name: 'blocked', argv: [...script, String(BLOCK_MS), String(PERIOD_MS)] },
        { name: 'ping', argv: ['ping', ...INTERVAL, '-c', String(count), target] },
      ]
      return measure(ns, { commands, rounds, output: 'keep', limitSeconds: LIMIT_SECONDS })
    })
    const answers = name => runs[name].texts.filter(text => text !== '').map(text => JSON.parse(text))
    const said = { unblocked: answers('unblocked'), blocked: answers('blocked') }
    const times = {
      unblocked: said.unblocked.map(({ rttMs }) => rttMs),
      blocked: said.blocked.map(({ rttMs }) => rttMs),
      ping: runs.ping.texts.map(textTimes),
    }
    const notes = Object.keys(times).flatMap(tool => faults(tool, runs[tool], times[tool], count))
    const [p50, p99] = [0.5, 0.99].map(fraction =>
      Object.fromEntries(Object.entries(times).map(([tool, lists]) => [tool, quantile(lists.flat(), fraction)])),
    )
    const share = median(said.blocked.map(answer => answer.blocked))
    // The goal says "20 ms in every 50"; a little is lost to what else the loop has to do.
    const busy = (0.8 * BLOCK_MS) / PERIOD_MS
    if (!(share > busy)) notes.push(`the event loop was blocked for ${(share * 100).toFixed(0)} % of the time only`)
    const gain = { p50: p50.blocked - p50.unblocked, p99: p99.blocked - p99.ping }
    const { transport, timestampSource } = said.blocked[0] ?? {}
    const of = tool => `${micros(p50[tool])}/${micros(p99[tool])}`
    return {
      ours: `p50/p99 ${of('blocked')} µs blocked, ${of('unblocked')} not`,
      peer: `ping ${of('ping')} µs`,
      measured: `p50 ${micros(gain.p50, true)}, p99 ${micros(gain.p99, true)} µs`,
      passed: Math.abs(gain.p50) <= BLOCKED_MEDIAN_US / 1000 && gain.p99 <= BLOCKED_P99_US / 1000,
      notes,
      remarks: [`transport ${transport}, times ${timestampSource}; blocked ${(share * 100).toFixed(0)} % of the time`],
      data: { count, p50, p99, share },
    }
  },
}

const TRUTH_US = 150

export function truth(holdMs) {
  return {
    name: `truth-${holdMs}ms`,
    work: `median of replies that a TUN responder holds ${holdMs} ms`,
    goal: `+0 to +${TRUTH_US} µs`,
    async measure({ lab, netkit, quick, rounds = quick ? 1 : 5 }) {
      const count = quick ? 20 : 40
      const { runs, excess } = await inNamespace(lab, async ns => {
        const responder = await lab.startResponder(ns, [{ hold: holdMs * 1000 }])
        const args = ['-n', '-i', '0.05', '-c', String(count), responder.address(2, 4)]
        const commands = [
          // The text has three digits, which is 100 µs at 20 ms: the events have all of them.
          { name: 'netkit', argv: [...netkit, 'ping', '--ndjson', ...args] },
          { name: 'ping', argv: ['ping', ...args] },
        ]
        const runs = await measure(ns, { commands, rounds, output: 'keep', limitSeconds: LIMIT_SECONDS })
        return { runs, excess: (await responder.statistics()).excessNs }
      })
      const times = { netkit: runs.netkit.texts.map(eventTimes), ping: runs.ping.texts.map(textTimes) }
      const notes = ['netkit', 'ping'].flatMap(tool => faults(tool, runs[tool], times[tool], count))
      const over = tool => quantile(times[tool].flat(), 0.5) - holdMs
      const ours = over('netkit')
      return {
        ours: `${micros(holdMs + ours)} µs`,
        peer: `ping ${micros(holdMs + over('ping'))} µs`,
        measured: `${micros(ours, true)} µs`,
        passed: ours >= 0 && ours <= TRUTH_US / 1000,
        notes,
        remarks: [
          `the responder held ${micros(excess.p50 / 1e6, true)} µs longer in the median, p99 ${micros(excess.p99 / 1e6, true)}`,
        ],
        data: { count, overMs: { netkit: ours, ping: over('ping') }, excess },
      }
    },
  }
}

const P99_RATIO = 3
const CPU_SHARE = 0.25

export const fast = {
  name: 'interval-2ms',
  work: '10,000 probes every 2 ms, loopback: p99',
  goal: `p99 <= ${P99_RATIO} x ping's, processor <= ${CPU_SHARE * 100} % of a core`,
  async measure({ lab, netkit, quick, rounds = quick ? 1 : 3 }) {
    const count = quick ? 1000 : 10_000
    const runs = await inNamespace(lab, (ns, target) => {
      const args = ['-n', '-i', '0.002', '-c', String(count), target]
      const commands = [
        { name: 'netkit', argv: [...netkit, 'ping', ...args] },
        { name: 'ping', argv: ['ping', ...args] },
      ]
      return measure(ns, { commands, rounds, output: 'keep', limitSeconds: LIMIT_SECONDS })
    })
    const of = tool => {
      const { texts, seconds: wall, cpuSeconds } = runs[tool]
      const times = texts.map(textTimes)
      const at = fraction => median(times.map(list => quantile(list, fraction)))
      // Of the whole process: start-up is in it.
      return {
        times,
        p50: at(0.5),
        p99: at(0.99),
        max: at(1),
        share: median(cpuSeconds.map((cpu, run) => cpu / wall[run])),
      }
    }
    const [ours, peer] = [of('netkit'), of('ping')]
    const notes = [...faults('netkit', runs.netkit, ours.times, count), ...faults('ping', runs.ping, peer.times, count)]
    const ratio = ours.p99 / peer.p99
    const percent = share => `${(share * 100).toFixed(1)} %`
    const text = ({ p50, p99, max }) => `p50/p99/max ${[p50, p99, max].map(value => micros(value)).join('/')} µs`
    return {
      ours: `${text(ours)}, ${percent(ours.share)}`,
      peer: `ping ${text(peer)}, ${percent(peer.share)}`,
      measured: `${ratio.toFixed(2)}, ${percent(ours.share)}`,
      passed: ratio <= P99_RATIO && ours.share <= CPU_SHARE,
      notes,
      remarks: [
        `${count} probes, medians of ${rounds} runs; ${median(runs.netkit.seconds).toFixed(1)} s of netkit, ${median(runs.ping.seconds).toFixed(1)} s of ping`,
        ...ownRemarks(runs.netkit.stderr),
      ],
      data: { count, netkit: { ...ours, times: undefined }, ping: { ...peer, times: undefined } },
    }
  },
}
