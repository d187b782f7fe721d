// What bench/decode.mjs measures: captures, commands of netkit and of its peers, goals.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median } from './load.mjs'
import { makeCapture } from './make-capture.mjs'

const script = name => fileURLToPath(new URL(name, import.meta.url))
const PEAK_MIB = 150
/** A capture twice as long may cost so much more. */
const GROWTH_MIB = 8
const FLOWS = 100_000

/** The captures of this run by name, made when they are first asked for. */
const CAPTURES = {
  'packets.pcap': { packets: 10_000_000, flows: FLOWS },
  'twice.pcap': { packets: 20_000_000, flows: FLOWS },
  'payload.pcap': { packets: 1_000_000, flows: FLOWS, snaplen: 262_144, segment: 1448 },
  'payload.pcapng': { packets: 1_000_000, flows: FLOWS, snaplen: 262_144, segment: 1448, format: 'pcapng' },
}

function capture({ directory, quick }, name) {
  const path = join(directory, name)
  if (existsSync(path)) return path
  const { packets, flows, ...others } = CAPTURES[name]
  const part = quick ? 10 : 1
  const made = makeCapture(path, { ...others, packets: packets / part, flows: flows / part })
  process.stderr.write(`${name}: ${made.packets} packets, ${made.bytes} bytes\n`)
  return path
}

/** A copy that `tool` has compressed. */
function compressed(context, name, tool, ending) {
  const path = capture(context, name)
  if (!existsSync(`${path}${ending}`)) execFileSync(tool, ['-k', '-q', path])
  return `${path}${ending}`
}

/** Runs a plan of measure.py. */
async function measure(commands, rounds, output = 'null') {
  const child = spawn('python3', [script('measure.py')], { stdio: ['pipe', 'pipe', 'inherit'] })
  const stop = () => child.kill()
  process.once('exit', stop)
  child.stdin.end(JSON.stringify({ commands, rounds, output }))
  const chunks = []
  child.stdout.on('data', chunk => chunks.push(chunk))
  const [code] = await once(child, 'close')
  process.removeListener('exit', stop)
  if (code !== 0) throw new Error(`measure.py ended with ${code}`)
  return JSON.parse(Buffer.concat(chunks).toString())
}

const seconds = value => `${value.toFixed(2)} s`
const times = value => `${value.toFixed(2)} x`

/** Median wall time of each command; a note for each that failed. */
function medians(runs, notes) {
  const found = {}
  for (const [name, run] of Object.entries(runs)) {
    if (run.code !== 0) notes.push(`${name} ended with ${run.code}: ${run.stderr.trim().split('\n')[0]}`)
    found[name] = run.seconds.length > 0 ? median(run.seconds) : Number.NaN
  }
  return found
}

/**
 * A row of netkit against peers.
 * @param commands of `netkit`, and of the peers by name, made out of the context
 * @param goals by name of a peer: at most so many times its time
 * @param due how many lines netkit must print at least, so that a wrong answer is no fast one
 */
function against({ name, work, commands, goals, rounds = 5, due = 10 }) {
  const goal = Object.entries(goals).map(([peer, most]) => `${most} x ${peer}`)
  return {
    name,
    work,
    goal: goal.join(', '),
    async measure(context) {
      const plan = Object.entries(commands(context)).map(([tool, argv]) => ({ name: tool, argv }))
      const runs = await measure(plan, context.rounds ?? (context.quick ? 3 : rounds))
      const notes = []
      const taken = medians(runs, notes)
      if (runs.netkit.found < due) notes.push(`netkit printed ${runs.netkit.found} lines, due are ${due}`)
      const ratios = Object.entries(goals).map(([peer, most]) => ({ peer, most, ratio: taken.netkit / taken[peer] }))
      const { cpuSeconds, peakKiB } = runs.netkit
      return {
        ours: seconds(taken.netkit),
        peer: Object.keys(goals)
          .map(peer => `${peer} ${seconds(taken[peer])}`)
          .join(', '),
        measured: ratios.map(({ peer, ratio }) => `${times(ratio)} ${peer}`).join(', '),
        passed: ratios.every(({ most, ratio }) => ratio <= most),
        notes,
        remarks: [`processor ${seconds(median(cpuSeconds))}, ${(peakKiB / 1024).toFixed(0)} MiB at the peak`],
        data: runs,
      }
    },
  }
}

/** A row of a compressed file against the tool that unpacks it plus the plain file. */
function unpacked(name, tool, ending) {
  const most = 1.25
  return {
    name,
    work: `1 million packets, compressed by ${tool}`,
    goal: `${most} x (${tool} -dc + plain)`,
    async measure(context) {
      const file = compressed(context, 'payload.pcap', tool, ending)
      const plan = [
        { name: 'netkit', argv: [...context.netkit, 'decode', file] },
        { name: 'plain', argv: [...context.netkit, 'decode', capture(context, 'payload.pcap')] },
        { name: tool, argv: [tool, '-dcq', file], count: 'no such bytes' },
      ]
      const runs = await measure(plan, context.rounds ?? (context.quick ? 3 : 5))
      const notes = []
      const taken = medians(runs, notes)
      const both = taken.plain + taken[tool]
      return {
        ours: seconds(taken.netkit),
        peer: `${tool} ${seconds(taken[tool])} + plain ${seconds(taken.plain)}`,
        measured: times(taken.netkit / both),
        passed: taken.netkit / both <= most,
        notes,
        remarks: [],
        data: runs,
      }
    },
  }
}

const memory = {
  name: 'memory',
  work: `${FLOWS.toLocaleString('en')} flows of 10 million packets, and of 20 million`,
  goal: `${PEAK_MIB} MiB, ${GROWTH_MIB} MiB more for twice the packets`,
  async measure(context) {
    const of = name => ({ name, argv: [...context.netkit, 'decode', capture(context, name)] })
    const runs = await measure([of('packets.pcap'), of('twice.pcap')], context.rounds ?? (context.quick ? 1 : 2))
    const notes = []
    medians(runs, notes)
    const peak = runs['packets.pcap'].peakKiB / 1024
    const growth = runs['twice.pcap'].peakKiB / 1024 - peak
    return {
      ours: `${peak.toFixed(0)} MiB`,
      peer: '-',
      measured: `${growth < 0 ? '' : '+'}${growth.toFixed(0)} MiB`,
      passed: peak <= PEAK_MIB && growth <= GROWTH_MIB,
      notes,
      remarks: [],
      data: runs,
    }
  },
}

const scan = {
  name: 'scan',
  work: '1,000,000 flows of a SYN each on standard input',
  goal: `${PEAK_MIB} MiB`,
  async measure(context) {
    const path = join(context.directory, 'scan.pcap')
    const count = context.quick ? 200_000 : 1_000_000
    if (!existsSync(path)) makeCapture(path, { scan: count })
    const piped = `cat ${path} | ${context.netkit.join(' ')} decode -`
    // The peak of a shell that waited is that of the largest of its children.
    const runs = await measure([{ name: 'netkit', argv: ['sh', '-c', piped] }], 1)
    const notes = []
    medians(runs, notes)
    const peak = runs.netkit.peakKiB / 1024
    return {
      ours: `${peak.toFixed(0)} MiB`,
      peer: '-',
      measured: `${peak.toFixed(0)} MiB`,
      passed: peak <= PEAK_MIB,
      notes,
      remarks: [],
      data: runs,
    }
  },
}

export const ROWS = [
  against({
    name: 'packets',
    work: '10 million packets, 100,000 flows, snaplen 96',
    commands: context => {
      const file = capture(context, 'packets.pcap')
      return {
        netkit: [...context.netkit, 'decode', file],
        tcpdump: ['tcpdump', '-r', file, '-w', '/dev/null'],
        tcptrace: ['tcptrace', '-n', file],
      }
    },
    goals: { tcptrace: 0.25, tcpdump: 2.2 },
  }),
  against({
    name: 'payload',
    work: '1 million packets with payload',
    rounds: 3,
    commands: context => {
      const file = capture(context, 'payload.pcap')
      return {
        netkit: [...context.netkit, 'decode', file],
        tcptrace: ['tcptrace', '-n', file],
        tshark: ['tshark', '-n', '-r', file, '-q', '-z', 'conv,tcp'],
      }
    },
    goals: { tcptrace: 0.3, tshark: 0.07 },
  }),
  against({
    name: 'pcapng',
    work: 'the same as pcapng',
    rounds: 3,
    commands: context => {
      const file = capture(context, 'payload.pcapng')
      return {
        netkit: [...context.netkit, 'decode', file],
        tcptrace: ['tcptrace', '-n', capture(context, 'payload.pcap')],
        tshark: ['tshark', '-n', '-r', file, '-q', '-z', 'conv,tcp'],
      }
    },
    goals: { tcptrace: 0.3, tshark: 0.07 },
  }),
  against({
    name: 'ndjson',
    work: '1 million packets, a line of JSON for each',
    rounds: 3,
    commands: context => {
      const file = capture(context, 'payload.pcap')
      return {
        netkit: [...context.netkit, 'decode', '--packets', '--ndjson', file],
        tshark: ['tshark', '-n', '-r', file, '-T', 'text'],
      }
    },
    goals: { tshark: 0.4 },
    due: 90_000,
  }),
  unpacked('gzip', 'gzip', '.gz'),
  unpacked('zstd', 'zstd', '.zst'),
  memory,
  scan,
]
