// What bench/capture.mjs measures: a veth pair, a sender on one end of it, a tool that captures on the other.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { makeCapture } from './make-capture.mjs'

const script = name => fileURLToPath(new URL(name, import.meta.url))
const CORE_SHARE = 0.35
const START_MS = 1500
const SETTLE_MS = 1000
const END_LIMIT_MS = 20_000

/** Runs a tool until SIGINT; its output goes to files, and what it took to standard output. */
const WATCH = `
import json, os, signal, sys
out = os.open(sys.argv[1] + '.out', os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
err = os.open(sys.argv[1] + '.err', os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, err, 2)])
signal.signal(signal.SIGINT, lambda *_: os.kill(pid, signal.SIGINT))
_, status, usage = os.wait4(pid, 0)
text = lambda end: open(sys.argv[1] + end, errors='replace').read()
print(json.dumps({'code': os.waitstatus_to_exitcode(status), 'cpu': usage.ru_utime + usage.ru_stime, 'peakKiB': usage.ru_maxrss,
  'out': text('.out') if os.path.getsize(sys.argv[1] + '.out') < 1 << 22 else '', 'err': text('.err')}))
`

function sender(directory) {
  const program = join(directory, 'send-frames')
  if (!existsSync(program)) {
    execFileSync(process.env.CXX ?? 'g++', ['-O2', '-std=c++17', '-o', program, script('send-frames.cc')])
  }
  const file = join(directory, 'frames.pcap')
  if (!existsSync(file)) makeCapture(file, { packets: 200_000, flows: 2000, snaplen: 65_535, segment: 400 })
  return { program, file }
}

/** Captures with `tool` while packets are sent; says what it counted, lost and took. */
async function run({ lab, directory }, { argv, counted }, rate, seconds) {
  const { program, file } = sender(directory)
  return await lab.withNetns(2, async (near, far) => {
    const ip = (...words) => execFileSync('ip', words)
    ip('link', 'add', 'nk0', 'netns', near, 'type', 'veth', 'peer', 'name', 'nk1', 'netns', far)
    for (const [ns, device] of [
      [near, 'nk0'],
      [far, 'nk1'],
    ]) {
      execFileSync('ip', ['netns', 'exec', ns, 'sh', '-c', `echo 1 > /proc/sys/net/ipv6/conf/${device}/disable_ipv6`])
      ip('-n', ns, 'link', 'set', device, 'up')
    }
    const child = spawn('ip', ['netns', 'exec', far, 'python3', '-c', WATCH, join(directory, 'tool'), ...argv], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const chunks = []
    child.stdout.on('data', chunk => chunks.push(chunk))
    const closed = once(child, 'close')
    await pause(START_MS)
    const said = execFileSync('ip', ['netns', 'exec', near, program, 'nk0', file, String(rate), String(seconds)])
    const [sent, took] = said.toString().trim().split(' ').map(Number)
    await pause(SETTLE_MS)
    child.kill('SIGINT')
    const limit = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS)
    await closed
    clearTimeout(limit)
    const ended = JSON.parse(Buffer.concat(chunks).toString() || '{"code": -9, "err": "", "out": "", "cpu": 0}')
    const packets = counted(ended)
    return { ...ended, out: undefined, sent, took, packets, lost: sent - packets, share: ended.cpu / took }
  })
}

/** In the summary that netkit prints at the end. */
const inSummary = ({ out }) => Number(/^packets\s+([\d,]+)/m.exec(out)?.[1].replaceAll(',', '') ?? 0)
const inSentence = ({ err }) => Number(/^(\d+) packets? captured/m.exec(err)?.[1] ?? 0)

const netkitTool = ({ netkit }, ...more) => ({
  argv: [...netkit, 'capture', '-i', 'nk1', '--quiet', ...more],
  counted: inSummary,
})

const TOOLS = {
  ring: context => netkitTool(context, '--source', 'ring'),
  'ring --write': context =>
    netkitTool(context, '--source', 'ring', '--write', join(context.directory, 'written.pcap')),
  cap: context => netkitTool(context, '--source', 'cap'),
  'tcpdump -w': () => ({ argv: ['tcpdump', '-i', 'nk1', '-B', '32768', '-w', '/dev/null'], counted: inSentence }),
  'tcpdump -nn': () => ({ argv: ['tcpdump', '-i', 'nk1', '-B', '32768', '-nn'], counted: inSentence }),
}

const percent = value => `${(value * 100).toFixed(1)} %`

function live({ name, rate, own, peers }) {
  return {
    name,
    work: `${rate.toLocaleString('en')} packets/s: ${[own, ...peers].join(', ')}`,
    goal: `0 lost, ${percent(CORE_SHARE)} of a core`,
    async measure(context) {
      const seconds = context.quick ? 1 : 3
      const results = {}
      const notes = []
      for (const tool of [own, ...peers]) {
        try {
          results[tool] = await run(context, TOOLS[tool](context), rate, seconds)
        } catch (error) {
          if (tool === own) throw error
          notes.push(`${tool}: ${error.message}`)
          continue
        }
        const { took } = results[tool]
        if (took > seconds * 1.05) notes.push(`${tool}: the sender took ${took} s for ${seconds} s of packets`)
      }
      const ours = results[own]
      const remarks = Object.entries(results).map(([tool, { sent, lost, share, peakKiB }]) => {
        const memory = `${(peakKiB / 1024).toFixed(0)} MiB`
        return `${tool}: ${lost} of ${sent} lost (${percent(lost / sent)}), ${percent(share)} of a core, ${memory}`
      })
      return {
        ours: `${ours.lost} lost, ${percent(ours.share)}`,
        peer: peers.map(tool => (results[tool] ? `${tool} ${results[tool].lost} lost` : `${tool} -`)).join(', '),
        measured: percent(ours.share),
        passed: ours.lost === 0 && ours.share <= CORE_SHARE,
        notes,
        remarks,
        data: results,
      }
    },
  }
}

export const ROWS = [
  live({ name: 'live-100k', rate: 100_000, own: 'ring', peers: ['cap', 'tcpdump -w', 'tcpdump -nn'] }),
  live({ name: 'live-500k', rate: 500_000, own: 'ring', peers: ['cap', 'tcpdump -w', 'tcpdump -nn'] }),
  live({ name: 'write-500k', rate: 500_000, own: 'ring --write', peers: ['tcpdump -w'] }),
]
