// Compares ways to find the holders of 100,000 sockets, against `ss -tanp` in the same run.
// Usage (root): node bench/process-scan.mjs [--runs 5] [--processes 6]. Needs python3, ip, ss.

import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, processes: { type: 'string', default: '6' } },
})
const runs = Number(values.runs)
const processes = Number(values.processes)
const DESCRIPTORS = 100_000

// Established loopback connections, both ends in one process, in processes below the usual descriptor limit.
const HOLDER = `
import os, resource, socket, sys
pairs, count = int(sys.argv[1]), int(sys.argv[2])
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
kids = []
for k in range(count):
    ready, done = os.pipe()
    pid = os.fork()
    if pid == 0:
        listener = socket.socket(); listener.bind(('127.0.%d.1' % (k + 1), 9000)); listener.listen(16)
        held = []
        for _ in range(pairs):
            near = socket.create_connection(('127.0.%d.1' % (k + 1), 9000)); held += [near, listener.accept()[0]]
        os.write(done, b'x'); os.read(0, 1); os._exit(0)
    os.read(ready, 1); kids.append(pid)
print(' '.join(map(str, kids)), flush=True)
sys.stdin.read()
for pid in kids: os.kill(pid, 9)
`

const CHILD = `
const fs = require('node:fs')
const { scanProcesses } = require(process.argv[3])
const pids = process.argv[4].split(',')
const start = performance.now()
let found = 0
const count = target => { if (target.startsWith('socket:[')) found++ }
const each = (name) => { for (const pid of pids) for (const fd of fs.readdirSync('/proc/' + pid + '/fd')) name('/proc/' + pid + '/fd/' + fd) }
switch (process.argv[2]) {
  case 'readdir + readlinkSync': each(path => count(fs.readlinkSync(path))); break
  case 'readdir + statSync': each(path => { if (fs.statSync(path).isSocket()) found++ }); break
  case 'scan, this thread': found = scanProcesses('all', { workers: 0 }).holders.size; break
  case 'scan, one worker': found = scanProcesses('all', { workers: 1 }).holders.size; break
  case 'scan, as it decides': found = scanProcesses('all').holders.size; break
}
const ms = performance.now() - start
process.stdout.write(JSON.stringify({ ms, found, peakMiB: process.resourceUsage().maxRSS / 1024 }))
`

const median = numbers => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]

const directory = mkdtempSync(join(tmpdir(), 'nk-bench-'))
const ns = `nk-bench-${process.pid}`
execFileSync('ip', ['netns', 'add', ns])
let holder
try {
  execFileSync('ip', ['-n', ns, 'link', 'set', 'lo', 'up'])
  const bundle = join(directory, 'scan.cjs')
  const root = dirname(dirname(fileURLToPath(import.meta.url)))
  const entry = join(root, 'src/adapters/process-scan.ts')
  await build({ entryPoints: [entry], outfile: bundle, bundle: true, platform: 'node', format: 'cjs', minify: true })
  const child = join(directory, 'child.cjs')
  writeFileSync(child, CHILD)
  const pairs = String(Math.floor(DESCRIPTORS / 2 / processes))
  holder = spawn('ip', ['netns', 'exec', ns, 'python3', '-c', HOLDER, pairs, String(processes)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const pids = await new Promise(resolve => createInterface(holder.stdout).once('line', resolve))

  const ways = [
    'readdir + readlinkSync',
    'readdir + statSync',
    'scan, this thread',
    'scan, one worker',
    'scan, as it decides',
  ]
  const results = new Map([...ways, 'ss -tanp (whole)'].map(way => [way, []]))
  for (let run = 0; run < runs; run++) {
    for (const way of ways) {
      const argv = [child, way, bundle, pids.split(' ').join(',')]
      results.get(way).push(JSON.parse(execFileSync(process.execPath, argv, { encoding: 'utf8' })))
    }
    const start = performance.now()
    const output = execFileSync('ip', ['netns', 'exec', ns, 'ss', '-tanp'], { maxBuffer: 1 << 30 })
    const ms = performance.now() - start
    results
      .get('ss -tanp (whole)')
      .push({ ms, found: output.toString('latin1').split('users:').length - 1, peakMiB: 0 })
  }
  const base = median(results.get('ss -tanp (whole)').map(result => result.ms))
  for (const [way, list] of results) {
    const ms = median(list.map(result => result.ms))
    const memory = median(list.map(result => result.peakMiB))
    const peak = memory > 0 ? `${memory.toFixed(0)} MiB` : ''
    console.log(
      `${way.padEnd(24)} ${ms.toFixed(0).padStart(6)} ms  ${(ms / base).toFixed(3)} x  ${list[0].found} sockets  ${peak}`,
    )
  }
} finally {
  holder?.stdin.end()
  if (holder) await new Promise(resolve => holder.once('exit', resolve))
  execFileSync('ip', ['netns', 'delete', ns])
  rmSync(directory, { recursive: true, force: true })
}
