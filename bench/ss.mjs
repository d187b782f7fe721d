// Measures `netkit ss` side by side with ss and netstat, in one run, on sockets made in a fresh namespace.
//
//   node bench/ss.mjs [--quick] [--rounds N] [--netkit COMMAND] [--save] [ROW...]
//
// --quick: a tenth of the sockets and 3 rounds; its ratios do not count. --save: also bench/results/DATE.json.
// Rows: see rows.mjs, and `startup`. Needs root, ip, ss, python3; netstat if there is one.
// Exit 1 when a row misses its goal.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measure, median, timeWaitCount, withLoad, withNamespace } from './load.mjs'
import { PEAK_GOAL_MIB, ROWS, STARTUP_GOAL_MS } from './rows.mjs'

const RUN = fileURLToPath(new URL('../bin/run.js', import.meta.url))
const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    netkit: { type: 'string', default: RUN },
    save: { type: 'boolean', default: false },
  },
})
const rounds = Number(options.rounds ?? (options.quick ? 3 : 7))
const startupRounds = options.quick ? 7 : 25
const names = [...ROWS.map(row => row.name), 'startup']
const unknown = wanted.filter(name => !names.includes(name))
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
  process.stderr.write(`Unknown row or rounds: ${unknown.join(', ')}. Rows: ${names.join(', ')}.\n`)
  process.exit(2)
}
const chosen = name => wanted.length === 0 || wanted.includes(name)
const netkit = options.netkit.split(' ')
const hasNetstat = (process.env.PATH ?? '').split(':').some(dir => existsSync(`${dir}/netstat`))

const seconds = value => (value === null ? '-' : value.toFixed(3))
const ratio = (value, base) => (value === null || base === null ? null : value / base)
const signed = value => `${value < 0 ? '' : '+'}${value.toFixed(1)}`
const verdict = passed => (passed === null ? '-' : passed ? 'pass' : 'FAIL')

const sized = load => load.replace(/\d+$/, count => String(options.quick ? Number(count) / 10 : Number(count)))

/** Measures one row under its load, which stands. */
async function measureRow(ns, row) {
  const commands = [
    { name: 'netkit', argv: [...netkit, ...row.netkit], count: row.same?.[0] },
    { name: 'ss', argv: ['ss', ...row.ss], count: row.same?.[1] },
  ]
  if (row.netstat && hasNetstat) commands.push({ name: 'netstat', argv: ['netstat', ...row.netstat] })
  const runs = await measure(ns, { commands, rounds, output: row.output ?? 'null' })
  const notes = []
  const of = name => {
    const run = runs[name]
    if (run && run.code !== 0) notes.push(`${name} exit ${run.code}: ${run.stderr.trim().split('\n')[0]}`)
    return run && run.code === 0 ? median(run.seconds) : null
  }
  const times = { netkit: of('netkit'), ss: of('ss'), netstat: of('netstat') }
  const due = row.same ? runs.ss.found + (row.same[2] ?? 0) : Math.max(1, runs.netkit.found)
  if (times.netkit !== null && runs.netkit.found !== due) {
    notes.push(`netkit printed ${JSON.stringify(row.same?.[0] ?? '\n')} ${runs.netkit.found} times, due are ${due}`)
  }
  if (row.load.startsWith('time-wait')) {
    const left = timeWaitCount(ns)
    if (left < Number(sized(row.load).split(' ')[1])) notes.push(`only ${left} TIME-WAIT at the end: some had expired`)
  }
  const toSs = ratio(times.netkit, times.ss)
  const toNetstat = ratio(times.netkit, times.netstat)
  const peakMiB = times.netkit === null ? null : runs.netkit.peakKiB / 1024
  const passed =
    toSs === null
      ? null
      : toSs <= row.goal &&
        (row.netstatGoal === undefined || toNetstat === null || toNetstat <= row.netstatGoal) &&
        notes.length === 0
  const work = row.work.replace('{n}', Number(sized(row.load).split(' ')[1]).toLocaleString('en'))
  return { ...row, work, times, toSs, toNetstat, peakMiB, passed, notes, runs }
}

const goalText = row => `${row.goal} x ss${row.netstatGoal === undefined ? '' : `, ${row.netstatGoal} x netstat`}`
const ratioText = row => {
  if (row.toSs === null) return '-'
  return row.toSs.toFixed(2) + (row.netstatGoal && row.toNetstat !== null ? `, ${row.toNetstat.toFixed(2)}` : '')
}

function printTable(rows) {
  process.stdout.write('| work | netkit s | ss s | netstat s | ratio | goal (at most) | | peak MiB |\n')
  process.stdout.write('|---|---|---|---|---|---|---|---|\n')
  for (const row of rows) {
    const { netkit: ours, ss, netstat } = row.times
    const cells = [row.work, seconds(ours), seconds(ss), seconds(netstat), ratioText(row), goalText(row)]
    cells.push(verdict(row.passed), row.peakMiB === null ? '-' : row.peakMiB.toFixed(0))
    process.stdout.write(`| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |\n`)
  }
  const peaks = rows.map(row => row.peakMiB).filter(peak => peak !== null)
  if (peaks.length > 0) {
    const peak = Math.max(...peaks)
    process.stdout.write(
      `\nPeak memory of any: ${peak.toFixed(0)} MiB, goal ${PEAK_GOAL_MIB}: ${verdict(peak <= PEAK_GOAL_MIB)}\n`,
    )
  }
  for (const row of rows) for (const note of row.notes) process.stdout.write(`- ${row.name}: ${note}\n`)
}

/** Start-up of `netkit ss` in an empty namespace over `node -e 0`, with the certificates of the environment and without. */
async function measureStartup() {
  const environments = [['NODE_EXTRA_CA_CERTS unset', { NODE_EXTRA_CA_CERTS: null }]]
  if (process.env.NODE_EXTRA_CA_CERTS) environments.unshift(['NODE_EXTRA_CA_CERTS as set', {}])
  const commands = environments.flatMap(([where, env]) => [
    { name: `node -e 0|${where}`, argv: ['node', '-e', '0'], env },
    { name: `./bin/run.js ss|${where}`, argv: [...netkit, 'ss'], env },
    { name: `node bin/run.js ss|${where}`, argv: ['node', ...netkit, 'ss'], env },
  ])
  const runs = await withNamespace(ns => measure(ns, { commands, rounds: startupRounds, output: 'null' }))
  return commands.map(({ name }) => {
    const [command, where] = name.split('|')
    const base = runs[`node -e 0|${where}`].seconds
    const { seconds: own, code, stderr } = runs[name]
    const ms = list => ({ min: Math.min(...list) * 1000, median: median(list) * 1000 })
    const failed = code !== 0 ? stderr.trim().split('\n')[0] || `exit ${code}` : null
    return { command, where, own: failed ? null : ms(own), base: ms(base), failed }
  })
}

function printStartup(rows) {
  process.stdout.write('\n| start-up, ms | environment | min | median | over `node -e 0`: min | median | goal | |\n')
  process.stdout.write('|---|---|---|---|---|---|---|---|\n')
  for (const { command, where, own, base, failed } of rows) {
    const isBase = command === 'node -e 0'
    const cells = [`\`${command}\``, where]
    if (own === null) cells.push('-', '-', '-', '-', '', failed)
    else {
      const over = { min: own.min - base.min, median: own.median - base.median }
      cells.push(own.min.toFixed(1), own.median.toFixed(1))
      if (isBase) cells.push('', '', '', '')
      else cells.push(signed(over.min), signed(over.median), `+${STARTUP_GOAL_MS}`)
      if (!isBase) cells.push(verdict(over.median <= STARTUP_GOAL_MS))
    }
    process.stdout.write(`| ${cells.join(' | ')} |\n`)
  }
}

const version = (command, args) => execFileSync(command, args, { encoding: 'utf8' }).trim().split('\n')[0]
const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}, ${version('ss', ['-V'])}`

// Through process.exit, so that an interrupted run deletes its namespace too.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

const results = []
for (const load of new Set(ROWS.map(row => row.load))) {
  const rows = ROWS.filter(row => row.load === load && chosen(row.name))
  if (rows.length === 0) continue
  await withNamespace(ns =>
    withLoad(ns, sized(load), async () => {
      for (const row of rows) results.push(await measureRow(ns, row))
    }),
  )
}
const startup = chosen('startup') ? await measureStartup() : []
process.stdout.write(
  `${machine}\nWhole-process wall seconds, medians of ${rounds} interleaved rounds, output to /dev/null unless the row says a pipe.\n\n`,
)
if (results.length > 0) printTable(results)
if (startup.length > 0) printStartup(startup)
if (options.save) {
  const directory = fileURLToPath(new URL('results/', import.meta.url))
  mkdirSync(directory, { recursive: true })
  const file = `${directory}${new Date().toISOString().replaceAll(':', '-')}.json`
  writeFileSync(file, `${JSON.stringify({ machine, rounds, quick: options.quick, results, startup }, null, 2)}\n`)
  process.stderr.write(`${file}\n`)
}
const missedStartup = startup.some(({ command, own, base }) => {
  return command !== 'node -e 0' && (own === null || own.median - base.median > STARTUP_GOAL_MS)
})
if (results.some(row => row.passed !== true) || missedStartup) process.exitCode = 1
