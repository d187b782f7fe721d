// Rows about many targets once each, against fping, and about memory over many probes.

import { writeFileSync } from 'node:fs'
import { measure, median } from './load.mjs'
import { inNamespace, LIMIT_SECONDS, saidOf } from './ping-lab.mjs'
import { memoryBetween, watchMemory } from './ping-memory.mjs'
import { aliveTargets } from './samples.mjs'

/** Host addresses of 127.0.0.0/16 that end in 1 to 254: all 65,024, or the first `count`. */
function loopbackAddresses(count) {
  const all = []
  for (let third = 0; third < 256; third++) for (let last = 1; last < 255; last++) all.push(`127.0.${third}.${last}`)
  return all.slice(0, count)
}

const seconds = value => value.toFixed(3)
const ms = value => `${value < 0 ? '' : '+'}${(value * 1000).toFixed(1)} ms`

/** What both print when all targets are tried once, and their times; each in front of the other in turn. */
async function tryAll({ lab, netkit, directory }, count, rounds) {
  const file = `${directory}/targets-${count}`
  const addresses = loopbackAddresses(count)
  writeFileSync(file, `${addresses.join('\n')}\n`)
  const pairs = (suffix, ours, peers) => [
    { name: `netkit${suffix}`, count: ' is alive', argv: [...netkit, 'ping', '--gap', '0', '-c', '1', ...ours] },
    { name: `fping${suffix}`, count: ' is alive', argv: ['fping', '-i', '0', '-r', '0', ...peers] },
  ]
  const all = pairs('', ['--file', file], ['-f', file])
  const one = pairs('-one', ['--many', addresses[0]], [addresses[0]])
  return inNamespace(lab, async ns => {
    const first = await measure(ns, { commands: all, rounds: 1, output: 'keep', limitSeconds: LIMIT_SECONDS })
    const alive = name => aliveTargets(first[name].texts[0] ?? '')
    const notes = ['netkit', 'fping'].flatMap(name => {
      const found = alive(name)
      const wrong = addresses.filter(address => !found.has(address))
      if (wrong.length === 0 && found.size === count) return []
      return [
        `${name} found ${found.size} of ${count} alive, not ${wrong[0]}; exit ${first[name].code}: ${saidOf(first[name])}`,
      ]
    })
    const runs = await measure(ns, { commands: [...all, ...one], rounds, output: 'null', limitSeconds: LIMIT_SECONDS })
    const time = {}
    for (const [name, run] of Object.entries(runs)) {
      const due = name.endsWith('-one') ? 1 : count
      // Exit 1 is an answer that was lost in one of the measured runs.
      if (run.code !== 0 || run.found !== due)
        notes.push(`${name}: ${run.found} of ${due} alive, exit ${run.code}: ${saidOf(run)}`)
      time[name] = run.seconds.length === 0 ? Number.NaN : median(run.seconds)
    }
    return { time, notes, runs }
  })
}

const MANY_RATIO = 0.8

export const manyAll = {
  name: 'many-65024',
  work: '65,024 loopback targets once each',
  goal: `${MANY_RATIO.toFixed(2)} x fping -i 0`,
  async measure(context) {
    const { quick, rounds = quick ? 3 : 9 } = context
    const count = 65_024
    const { time, notes, runs } = await tryAll(context, count, rounds)
    const ratio = time.netkit / time.fping
    return {
      ours: `${seconds(time.netkit)} s`,
      peer: `fping ${seconds(time.fping)} s`,
      measured: ratio.toFixed(2),
      passed: ratio <= MANY_RATIO,
      notes,
      remarks: [`${count} targets, same alive set looked at; peak ${(runs.netkit.peakKiB / 1024).toFixed(0)} MiB`],
      data: { count, seconds: time },
    }
  },
}

export const manySome = {
  name: 'many-4096',
  work: '4,096 loopback targets once each',
  goal: 'fping -i 0 + difference for one target',
  async measure(context) {
    const { quick, rounds = quick ? 5 : 25 } = context
    const count = 4096
    const { time, notes } = await tryAll(context, count, rounds)
    const difference = time.netkit - time.fping
    const startup = time['netkit-one'] - time['fping-one']
    return {
      ours: `${seconds(time.netkit)} s`,
      peer: `fping ${seconds(time.fping)} s`,
      measured: `${ms(difference)}, start-up ${ms(startup)}`,
      passed: difference <= startup,
      notes,
      remarks: [
        `${count} targets; one target: netkit ${seconds(time['netkit-one'])} s, fping ${seconds(time['fping-one'])} s`,
      ],
      data: { count, seconds: time },
    }
  },
}

const GROWTH_MIB = 5

function memory(name, work, argv) {
  return {
    name,
    work,
    goal: `at most +${GROWTH_MIB} MiB from 200,000 on`,
    async measure(context) {
      const { lab, netkit, quick } = context
      const count = quick ? 100_000 : 1_000_000
      const command = [...netkit, 'ping', ...argv(count, context)]
      const watched = await inNamespace(lab, ns => watchMemory(ns, command, LIMIT_SECONDS * 2))
      const { samples, code, stdout, stderr, seconds: wall } = watched
      const early = memoryBetween(samples, 0.2 * count, 0.3 * count)
      const end = memoryBetween(samples, 0.9 * count, Number.POSITIVE_INFINITY)
      const notes = []
      if (code !== 0) notes.push(`exit ${code}: ${saidOf({ stderr })}`)
      const reached = samples.at(-1)?.probes ?? 0
      if (early === null || end === null) notes.push(`only ${reached} probes were seen in ${wall.toFixed(0)} s`)
      const growth = early && end ? end.residentMiB - early.residentMiB : Number.NaN
      const peak = early && end ? `peak ${early.peakMiB.toFixed(1)}, ${end.peakMiB.toFixed(1)} MiB` : 'no peak'
      return {
        ours: `${early?.residentMiB.toFixed(1) ?? '-'}, ${end?.residentMiB.toFixed(1) ?? '-'} MiB`,
        peer: '-',
        measured: Number.isNaN(growth) ? '-' : `${growth >= 0 ? '+' : ''}${growth.toFixed(1)} MiB`,
        passed: growth <= GROWTH_MIB,
        notes,
        remarks: [
          `${count} probes in ${wall.toFixed(1)} s, resident memory at 20 to 30 % of them and from 90 % on; ${peak}`,
          ...stdout.split('\n').filter(line => line.includes('packets transmitted')),
        ],
        data: { count, early, end, growth, wall },
      }
    },
  }
}

const ROUND_TARGETS = 4096

export const memoryOne = memory('memory', 'resident memory over 1,000,000 probes to one target (`-f -q`)', count => [
  '-n',
  '-q',
  '-f',
  '-c',
  String(count),
  '127.0.0.1',
])

export const memoryMany = memory(
  'memory-many',
  'the same to 4,096 targets in turn (`--gap 0 -i 0`)',
  (count, { directory }) => {
    const file = `${directory}/targets-memory`
    writeFileSync(file, `${loopbackAddresses(ROUND_TARGETS).join('\n')}\n`)
    return ['-n', '-q', '--gap', '0', '-i', '0', '-c', String(Math.ceil(count / ROUND_TARGETS)), '--file', file]
  },
)
