// A benchmark of rows beside peers: its options, its rows measured one after the other, its table, its exit code.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadLab } from './lab.mjs'

const file = name => fileURLToPath(new URL(name, import.meta.url))

/** The comment on top of the script. */
function help(script) {
  const lines = readFileSync(script, 'utf8').split('\n')
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

const version = ([command, ...args]) => {
  const text = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  return text.trim().split('\n')[0]
}
const load = () => loadavg()[0].toFixed(2)

/**
 * Measures the rows that the command line names, and prints the table.
 * A row's `measure` is given { lab, netkit, quick, rounds, directory } and answers what the table says of it:
 * { ours, peer, measured, passed, notes, remarks, data }. A note is a reason to distrust the row, which fails then.
 * @param script path of the benchmark, whose comment is the help
 * @param name what a saved result is called
 * @param rows what there is to measure
 * @param needed programs it takes
 * @param versions commands whose first line says which peer this is
 */
export async function sideBySide({ script, name, rows, needed, versions }) {
  const { values: options, positionals: wanted } = readOptions()
  if (options.help) {
    process.stdout.write(help(script))
    process.exit()
  }
  const names = rows.map(row => row.name)
  const unknown = wanted.filter(row => !names.includes(row))
  const rounds = options.rounds === undefined ? undefined : Number(options.rounds)
  if (unknown.length > 0) refuse(`Unknown row: ${unknown.join(', ')}. Rows: ${names.join(', ')}.`)
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) refuse('--rounds is a whole number from 1.')
  if (process.getuid() !== 0) refuse('Namespaces need root.')
  const missing = needed.filter(tool => !(process.env.PATH ?? '').split(':').some(dir => existsSync(join(dir, tool))))
  if (missing.length > 0) refuse(`Not found: ${missing.join(', ')}.`)
  if (!existsSync(file('../dist/index.js'))) refuse('The package is not built: npm run build.')

  // Through process.exit, so that an interrupted run deletes its namespaces too.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
  const directory = mkdtempSync(join(tmpdir(), `nk-bench-${name}-`))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))

  const peers = versions.map(version).join(', ')
  const memory = Math.round(totalmem() / 2 ** 30)
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${memory} GiB, Linux ${release()}, Node ${process.version}, ${peers}`
  const loadBefore = load()

  const lab = await loadLab()
  const context = { lab, netkit: options.netkit.split(' '), quick: options.quick, rounds, directory }
  const results = []
  for (const { name: row, work, goal, measure } of rows) {
    if (wanted.length > 0 && !wanted.includes(row)) continue
    process.stderr.write(`${row} ...\n`)
    try {
      const result = await measure(context)
      // A row with a reason for doubt is no pass.
      results.push({ name: row, work, goal, ...result, passed: result.passed && result.notes.length === 0 })
    } catch (error) {
      const notes = [`not measured: ${error.message}`]
      results.push({ name: row, work, goal, ours: '-', peer: '-', measured: '-', passed: false, notes, remarks: [] })
    }
  }
  print({ machine, loadBefore, quick: options.quick, results })
  if (options.save) save(name, { machine, loadBefore, quick: options.quick, rounds, results })
  if (results.some(({ passed }) => !passed)) process.exitCode = 1
}

function print({ machine, loadBefore, quick, results }) {
  const out = text => process.stdout.write(text)
  out(`${machine}\nLoad ${loadBefore} before, ${load()} after. `)
  out('The tools take turns; the first one of a round is another each time.\n')
  if (quick) out('--quick: too few probes for the verdicts to count.\n')
  out('\n| row | work | netkit | peer | difference or ratio | goal (at most) | |\n|---|---|---|---|---|---|---|\n')
  for (const { name, work, ours, peer, measured, goal, passed } of results) {
    const cells = [name, work, ours, peer, measured, goal, passed ? 'pass' : 'FAIL']
    out(`| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |\n`)
  }
  out('\n')
  for (const { name, notes, remarks } of results) {
    for (const note of notes) out(`- ${name}: FAIL: ${note}\n`)
    for (const remark of remarks) out(`- ${name}: ${remark}\n`)
  }
}

function save(name, result) {
  const saved = file('results/')
  mkdirSync(saved, { recursive: true })
  const path = `${saved}${new Date().toISOString().replaceAll(':', '-')}-${name}.json`
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`)
  process.stderr.write(`${path}\n`)
}
