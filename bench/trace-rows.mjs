// The rows of the trace benchmark, in the order in which they are measured (see side-by-side.mjs).

import { fileURLToPath } from 'node:url'
import { measure, median } from './load.mjs'
import { LIMIT_SECONDS, overChain, saidOf } from './ping-lab.mjs'

const LIVE = fileURLToPath(new URL('live.py', import.meta.url))
const GOAL_SECONDS = 0.25
/** What timers of an event loop and the medians of a shared machine cannot tell. */
const NOISE_SECONDS = 0.01
/** One probe to each hop, which is all that mtr -c 1 and tracepath send. Start-up: the same to this very host, one hop away. */
const PEERS = {
  traceroute: ['traceroute', '-n', '-q', '1'],
  mtr: ['mtr', '-n', '-r', '-c', '1'],
  tracepath: ['tracepath', '-n'],
}

const seconds = value => value.toFixed(3)
const signed = value => `${value < 0 ? '' : '+'}${(value * 1000).toFixed(0)} ms`

/** Why a run does not count: it failed, or hops are missing in what it printed. */
function faults(name, run, addresses) {
  if (run.code !== 0) return [`${name} exit ${run.code}: ${saidOf(run)}`]
  const short = run.texts
    .map(text => addresses.filter(address => !text.includes(address)))
    .find(list => list.length > 0)
  return short ? [`${name} did not name ${short.join(', ')}`] : []
}

const hops = routers => ({
  name: `hops-${routers}`,
  work: `one look over ${routers} routers that answer`,
  goal: `${GOAL_SECONDS} s, and no peer + start-up + ${NOISE_SECONDS * 1000} ms`,
  async measure({ lab, netkit, quick, rounds = quick ? 3 : 11 }) {
    const tools = {
      netkit: [...netkit, 'trace', '-n', '-q', '1'],
      // As it looks by default; told, not judged.
      'netkit -q 3': [...netkit, 'trace', '-n', '-q', '3'],
      ...PEERS,
    }
    const commands = target =>
      Object.entries(tools).flatMap(([name, argv]) => [
        { name, argv: [...argv, target] },
        { name: `${name}-one`, argv: [...argv, '127.0.0.1'] },
      ])
    let addresses = []
    const runs = await lab.withChain(routers, async chain => {
      await lab.setPingGroups(chain.source, 'open')
      addresses = Array.from({ length: routers + 1 }, (_, at) => chain.address(at + 1, 4))
      const plan = { rounds, output: 'keep', limitSeconds: LIMIT_SECONDS }
      return measure(chain.source, { ...plan, commands: commands(chain.target(4)) })
    })
    const time = Object.fromEntries(Object.entries(runs).map(([name, run]) => [name, median(run.seconds)]))
    const names = Object.keys(PEERS)
    const notes = ['netkit', ...names].flatMap(name => faults(name, runs[name], addresses))
    const behind = names.map(name => {
      const startup = time['netkit-one'] - time[`${name}-one`]
      return { name, difference: time.netkit - time[name], startup: Math.max(startup, 0) }
    })
    return {
      ours: `${seconds(time.netkit)} s`,
      peer: names.map(name => `${name} ${seconds(time[name])} s`).join(', '),
      measured: behind
        .map(({ difference, startup }) => `${signed(difference)} (start-up ${signed(startup)})`)
        .join(', '),
      passed:
        time.netkit <= GOAL_SECONDS && behind.every(({ difference, startup }) => difference <= startup + NOISE_SECONDS),
      notes,
      remarks: [
        `three probes to each hop: ${seconds(time['netkit -q 3'])} s`,
        `to loopback, one hop: ${['netkit', ...names].map(name => `${name} ${seconds(time[`${name}-one`])} s`).join(', ')}`,
      ],
      data: { time },
    }
  },
})

const TIMEOUT_SECONDS = 1
const SILENT_EXTRA_SECONDS = 0.3

const silent = {
  name: 'silent-30',
  work: '30 times to live, no answer at all',
  goal: `${TIMEOUT_SECONDS} s timeout + ${SILENT_EXTRA_SECONDS} s`,
  async measure({ lab, netkit, quick, rounds = quick ? 2 : 5 }) {
    // The neighbour takes everything and gives nothing.
    const runs = await overChain(lab, 1, (ns, target, chain) => {
      const timeout = ['-w', String(TIMEOUT_SECONDS)]
      const commands = [
        { name: 'netkit', argv: [...netkit, 'trace', '-n', '--path', ...timeout, target] },
        { name: 'traceroute', argv: ['traceroute', '-n', ...timeout, target] },
      ]
      return lab.withRules(chain.routers[0], 'prerouting', 'drop', () =>
        measure(ns, { commands, rounds, output: 'keep', limitSeconds: LIMIT_SECONDS }),
      )
    })
    const time = median(runs.netkit.seconds)
    // Not reached is exit 1 here; traceroute has 0 for it.
    const notes = runs.netkit.code === 1 ? [] : [`exit ${runs.netkit.code}, not 1: ${saidOf(runs.netkit)}`]
    return {
      ours: `${seconds(time)} s`,
      peer: `traceroute ${seconds(median(runs.traceroute.seconds))} s`,
      measured: signed(time - TIMEOUT_SECONDS),
      passed: time <= TIMEOUT_SECONDS + SILENT_EXTRA_SECONDS,
      notes,
      remarks: [`slowest ${seconds(Math.max(...runs.netkit.seconds))} s`],
      data: { runs },
    }
  },
}

const LIVE_SHARE = 0.05

const live = routers => ({
  name: `live-${routers}`,
  work: `live view over ${routers} routers, ${routers + 1} probes a second`,
  goal: `${LIVE_SHARE * 100} % of a core`,
  async measure({ lab, netkit, quick }) {
    const watch = quick ? '8' : '30'
    const answer = await overChain(lab, routers, async (ns, target) => {
      const argv = ['python3', LIVE, watch, ...netkit, 'trace', '-n', target]
      return lab.inNetns(ns, argv, { timeoutMs: 1000 * LIMIT_SECONDS })
    })
    if (answer.code !== 0) throw new Error(answer.stderr.trim().split('\n').at(-1))
    const { cpuSeconds, wallSeconds, bytes, residentMiB, code } = JSON.parse(answer.stdout)
    const share = cpuSeconds / wallSeconds
    return {
      ours: `${(share * 100).toFixed(1)} %`,
      peer: '-',
      measured: `${(bytes / wallSeconds / 1024).toFixed(1)} KiB/s drawn`,
      passed: share < LIVE_SHARE,
      notes: code === 0 ? [] : [`exit ${code} after q`],
      remarks: [`${cpuSeconds.toFixed(2)} s of ${wallSeconds.toFixed(1)} s, ${residentMiB.toFixed(0)} MiB resident`],
      data: { cpuSeconds, wallSeconds, bytes },
    }
  },
})

export const ROWS = [hops(3), hops(12), silent, live(3), live(12)]
