// Pings through the library while the event loop of this very process is blocked for a part of the time.
//
//   node bench/ping-blocked.mjs ADDRESS COUNT INTERVAL_MS [BLOCK_MS PERIOD_MS]
//
// Every PERIOD_MS a busy loop of BLOCK_MS; without them nothing blocks. Prints one JSON line: the times of the replies in
// milliseconds, what they were made of, and the part of the time that the loop was blocked. The package must have been built.

import { ping } from '../dist/index.js'

const [address, ...numbers] = process.argv.slice(2)
const [count, intervalMs, blockMs = 0, periodMs = 0] = numbers.map(Number)

let blockedMs = 0
function block() {
  const start = performance.now()
  while (performance.now() - start < blockMs);
  blockedMs += performance.now() - start
}

const timer = blockMs > 0 ? setInterval(block, periodMs) : undefined
const startMs = performance.now()
const rttMs = []
let summary = null
for await (const event of ping(address, { count, intervalMs })) {
  if (event.event === 'reply' && event.rttMs !== null) rttMs.push(event.rttMs)
  if (event.event === 'summary') summary = event
}
const elapsedMs = performance.now() - startMs
clearInterval(timer)
const { transport = null, timestampSource = null } = summary ?? {}
process.stdout.write(`${JSON.stringify({ rttMs, transport, timestampSource, blocked: blockedMs / elapsedMs })}\n`)
