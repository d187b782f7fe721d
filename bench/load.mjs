// A namespace of the benchmark with its load, and the measuring process inside it.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const script = name => fileURLToPath(new URL(name, import.meta.url))

/** Creates a namespace with lo up, runs `fn` with its name, deletes it whatever happens. */
export async function withNamespace(fn) {
  const ns = `nk-bench-${process.pid}`
  execFileSync('ip', ['netns', 'add', ns])
  const remove = () => execFileSync('ip', ['netns', 'delete', ns])
  process.once('exit', remove)
  try {
    execFileSync('ip', ['-n', ns, 'link', 'set', 'lo', 'up'])
    return await fn(ns)
  } finally {
    process.removeListener('exit', remove)
    remove()
  }
}

/** Starts hold.py with a load (`established 400000`), runs `fn`, releases the load. Resolves when `fn` has. */
export async function withLoad(ns, load, fn) {
  const child = spawn('ip', ['netns', 'exec', ns, 'python3', script('hold.py'), ...load.split(' ')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = once(child, 'exit')
  const answer = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`the load "${load}" could not be made`)
    return JSON.parse(value)
  }
  try {
    const ready = await answer()
    process.stderr.write(`${load}: ${ready.processes} processes, ${ready.seconds} s\n`)
    if (load.startsWith('time-wait')) {
      child.stdin.write('close\n')
      process.stderr.write(`closed in ${(await answer()).seconds} s\n`)
    }
    return await fn()
  } finally {
    child.stdin.end()
    await ended
  }
}

/** Runs a plan of measure.py in the namespace. */
export async function measure(ns, plan) {
  const child = spawn('ip', ['netns', 'exec', ns, 'python3', script('measure.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const stop = () => child.kill()
  process.once('exit', stop)
  child.stdin.end(JSON.stringify(plan))
  const chunks = []
  child.stdout.on('data', chunk => chunks.push(chunk))
  const [code] = await once(child, 'close')
  process.removeListener('exit', stop)
  if (code !== 0) throw new Error(`measure.py ended with ${code}`)
  return JSON.parse(Buffer.concat(chunks).toString())
}

/** TIME-WAIT sockets in the namespace now, as the kernel counts them. */
export function timeWaitCount(ns) {
  const text = execFileSync('ip', ['netns', 'exec', ns, 'cat', '/proc/net/sockstat'], { encoding: 'utf8' })
  return Number(/^TCP:.* tw (\d+)/m.exec(text)?.[1] ?? 0)
}

export const median = values => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
