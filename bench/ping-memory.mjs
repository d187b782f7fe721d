// How much memory a process keeps while its probes go out: its resident memory against the echo requests that its namespace has seen.

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { median } from './load.mjs'

const POLL_MS = 20

const number = (text, pattern) => Number(pattern.exec(text)?.[1] ?? Number.NaN)

/** Echo requests that have arrived in the namespace of a process. */
function echoRequests(pid) {
  const [names, values] = readFileSync(`/proc/${pid}/net/snmp`, 'latin1')
    .split('\n')
    .filter(line => line.startsWith('Icmp: '))
    .map(line => line.split(' '))
  return Number(values[names.indexOf('InEchos')])
}

/**
 * Runs a command in a namespace, where nothing else is pinged, to its end or to the limit, and notes its resident memory and the
 * peak of it (KiB) at each number of probes. `ip netns exec` becomes the command: it has its process id.
 */
export function watchMemory(ns, argv, limitSeconds) {
  return new Promise((resolve, reject) => {
    const child = spawn('ip', ['netns', 'exec', ns, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
    const stop = () => child.kill()
    process.once('exit', stop)
    const samples = []
    let stdout = ''
    let stderr = ''
    let base = null
    child.stdout.on('data', chunk => {
      stdout += chunk
    })
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    const started = performance.now()
    const poll = setInterval(() => {
      if (performance.now() - started > limitSeconds * 1000) child.kill('SIGKILL')
      try {
        const seen = echoRequests(child.pid)
        const status = readFileSync(`/proc/${child.pid}/status`, 'latin1')
        // Until `ip` has entered the namespace, the counters are those of ours.
        if (!/^Name:\s+ip$/m.test(status)) {
          base ??= seen
          const rssKiB = number(status, /^VmRSS:\s+(\d+)/m)
          if (rssKiB > 0) samples.push({ probes: seen - base, rssKiB, peakKiB: number(status, /^VmHWM:\s+(\d+)/m) })
        }
      } catch {
        // It has just ended.
      }
    }, POLL_MS)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearInterval(poll)
      process.removeListener('exit', stop)
      resolve({ samples, stdout, stderr, code: code ?? signal, seconds: (performance.now() - started) / 1000 })
    })
  })
}

/** Median resident memory and highest peak, in MiB, while `from` to `to` probes were out; null when nothing was seen then. */
export function memoryBetween(samples, from, to) {
  const within = samples.filter(({ probes }) => probes >= from && probes <= to)
  if (within.length === 0) return null
  return {
    samples: within.length,
    residentMiB: median(within.map(({ rssKiB }) => rssKiB)) / 1024,
    peakMiB: Math.max(...within.map(({ peakKiB }) => peakKiB)) / 1024,
  }
}
