// Measures `netkit ping` side by side with ping (iputils) and fping, in one run, in namespaces that it makes and removes.
//
//   node bench/ping.mjs [--quick] [--rounds N] [--netkit COMMAND] [--save] [--help] [ROW...]
//
// Rows, all IPv4:
//   agreement-loopback, agreement-veth, agreement-routers
//                 64-byte ICMP every 100 ms to loopback, a neighbour, a host behind three routers: 5 blocks of 60 probes of each
//                 tool, in turn. |difference of the medians| <= max(4 µs, 8 %) in 4 blocks of 5, <= max(10 µs, 20 %) in all.
//   blocked       loopback through the library (ping-blocked.mjs) with the event loop blocked 20 ms in every 50: the median of all
//                 blocks within 10 µs of the unblocked one, p99 <= ping's + 100 µs.
//   truth-1ms, truth-5ms, truth-20ms
//                 a TUN responder holds each reply so long: the median is 0 to 150 µs more.
//   many-65024    loopback targets once each, from a file, against `fping -i 0 -r 0`: 0.80 of its wall time, the same alive set.
//   many-4096     the same with 4,096: slower than fping by no more than for one target (start-up), measured in the same rounds.
//   interval-2ms  10,000 probes every 2 ms: p99 <= 3 x ping's; processor time of the whole process <= 25 % of a core.
//   memory, memory-many
//                 resident memory at 900,000 to 1,000,000 probes over that at 200,000 to 300,000: at most 5 MiB more; one target
//                 in a flood, and 4,096 in turn.
//
// --rounds N: so many blocks or rounds in every row but memory. --quick: a fraction of the probes; its verdicts do not count.
// --netkit COMMAND: instead of bin/run.js; the row `blocked` always takes dist/index.js. --save: also bench/results/DATE-ping.json.
// Times of netkit and ping are read off the reply lines of both; those of `truth` off netkit's events, which have more digits.
// Needs root, ip, ping, fping, python3, g++ and a built package. Takes about ten minutes on an otherwise idle machine.
// Exit 1 when a row misses its goal or could not be measured, 2 for bad usage.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadLab } from './lab.mjs'
import { ROWS } from './ping-rows.mjs'

const file = name => fileURLToPath(new URL(name, import.meta.url))
const NEEDED = ['ip', 'ping', 'fping', 'python3', process.env.CXX ?? 'g++']

/** The comment on top of this file. */
function help() {
  const lines = readFileSync(file('ping.mjs'), 'utf8').split('\n')
  const end = lines.findIndex(line => !line.startsWith('//'))
  return `${lines
    .slice(0, end)
    .map(line => line.replace(/^\/\/ ?/, ''))
    .join('\n')}\n`
}

function refuse(sentence) {
  process.stderr.write(`${sentence}\n`)
  process.exit(2)
}

function readOptions() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        netkit: { type: 'string', default: file('../bin/run.js') },
        save: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    return refuse(error.message)
  }
}

const { values: options, positionals: wanted } = readOptions()
if (options.help) {
  process.stdout.write(help())
  process.exit()
}
const names = ROWS.map(row => row.name)
const unknown = wanted.filter(name => !names.includes(name))
const rounds = options.rounds === undefined ? undefined : Number(options.rounds)
if (unknown.length > 0) refuse(`Unknown row: ${unknown.join(', ')}. Rows: ${names.join(', ')}.`)
if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) refuse('--rounds is a whole number from 1.')
if (process.getuid() !== 0) refuse('Namespaces and fping without an interval need root.')
const missing = NEEDED.filter(tool => !(process.env.PATH ?? '').split(':').some(dir => existsSync(join(dir, tool))))
if (missing.length > 0) refuse(`Not found: ${missing.join(', ')}.`)
if (!existsSync(file('../dist/index.js'))) refuse('The package is not built: npm run build.')

// Through process.exit, so that an interrupted run deletes its namespaces too.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
const directory = mkdtempSync(join(tmpdir(), 'nk-bench-ping-'))
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))

const version = (command, args) => execFileSync(command, args, { encoding: 'utf8' }).trim().split('\n')[0]
const load = () => loadavg()[0].toFixed(2)
const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}, ${version('ping', ['-V'])}, ${version('fping', ['-v'])}`
const loadBefore = load()

const lab = await loadLab()
const context = { lab, netkit: options.netkit.split(' '), quick: options.quick, rounds, directory }
const results = []
for (const { name, work, goal, measure } of ROWS) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  process.stderr.write(`${name} ...\n`)
  try {
    const result = await measure(context)
    // A row with a reason for doubt is no pass.
    results.push({ name, work, goal, ...result, passed: result.passed && result.notes.length === 0 })
  } catch (error) {
    const notes = [`not measured: ${error.message}`]
    results.push({ name, work, goal, ours: '-', peer: '-', measured: '-', passed: false, notes, remarks: [] })
  }
}

process.stdout.write(
  `${machine}\nLoad ${loadBefore} before, ${load()} after. The tools take turns; the first one of a round is another each time.\n`,
)
if (options.quick) process.stdout.write('--quick: too few probes for the verdicts to count.\n')
process.stdout.write(
  '\n| row | work | netkit | peer | difference or ratio | goal (at most) | |\n|---|---|---|---|---|---|---|\n',
)
for (const { name, work, ours, peer, measured, goal, passed } of results) {
  const cells = [name, work, ours, peer, measured, goal, passed ? 'pass' : 'FAIL']
  process.stdout.write(`| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |\n`)
}
process.stdout.write('\n')
for (const { name, notes, remarks } of results) {
  for (const note of notes) process.stdout.write(`- ${name}: FAIL: ${note}\n`)
  for (const remark of remarks) process.stdout.write(`- ${name}: ${remark}\n`)
}
if (options.save) {
  const saved = file('results/')
  mkdirSync(saved, { recursive: true })
  const path = `${saved}${new Date().toISOString().replaceAll(':', '-')}-ping.json`
  writeFileSync(path, `${JSON.stringify({ machine, loadBefore, quick: options.quick, rounds, results }, null, 2)}\n`)
  process.stderr.write(`${path}\n`)
}
if (results.some(({ passed }) => !passed)) process.exitCode = 1
