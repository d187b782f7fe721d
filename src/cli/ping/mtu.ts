// `netkit ping --mtu`: the largest packet that passes, and who or what limits it.

import { type PingSettings, preparePing, unresolvedError } from '../../compose/ping.js'
import { UsageError } from '../../errors/index.js'
import { findPathMtu } from '../../probe/path-mtu.js'
import { expandTargets } from '../../probe/targets.js'
import { pathMtuLines } from '../../render/path-mtu-text.js'
import type { Console } from '../console.js'

/** 65,535 bytes less the headers of IP and ICMP. */
const LARGEST_PAYLOAD = { 4: 65_507, 6: 65_487 } as const
/** Of one round of probes, when -W says nothing. */
const TIMEOUT_MS = 1000
const INTERVAL_MS = 10
/** Of the whole search, when -w says nothing. */
const DEADLINE_MS = 60_000

/** Finds the path MTU of each target in turn: exit 1 when one does not answer. */
export async function runPathMtu(list: readonly string[], settings: PingSettings, io: Console): Promise<undefined> {
  if (settings.probe.kind === 'tcp') throw new UsageError('--mtu probes with ICMP or UDP, not with --tcp')
  const documents: object[] = []
  const abort = new AbortController()
  const free = io.onInterrupt(() => abort.abort())
  try {
    for (const { target } of expandTargets(list)) {
      if (abort.signal.aborted) break
      documents.push(await search(target, settings, io, abort.signal))
    }
  } finally {
    free()
  }
  if (io.format === 'json') io.out.json({ targets: documents })
  return undefined
}

async function search(target: string, settings: PingSettings, io: Console, signal: AbortSignal): Promise<object> {
  const payloadBytes = LARGEST_PAYLOAD[4]
  const prepared = await preparePing([target], { ...settings, payloadBytes, pathMtu: 'probe', many: false })
  try {
    const [missing] = prepared.unresolved
    if (missing !== undefined) throw unresolvedError(missing)
    const [transport] = prepared.transports
    const [found] = prepared.targets
    const result = await findPathMtu(
      transport!,
      {
        target: found!,
        localMtu: null,
        largestPayload: LARGEST_PAYLOAD[found!.family],
        timeoutMs: settings.timeoutMs ?? TIMEOUT_MS,
        intervalMs: settings.intervalMs ?? INTERVAL_MS,
        deadlineMs: settings.deadlineMs ?? DEADLINE_MS,
      },
      {
        after(ms, callback) {
          const timer = setTimeout(callback, ms)
          return () => clearTimeout(timer)
        },
      },
      signal,
    )
    const document = { ...result, target: found!.target, address: found!.address }
    if (io.format === 'ndjson') io.out.jsonLine(document)
    else if (io.format === 'text') for (const line of pathMtuLines(result, () => null)) io.out.line(line)
    io.out.flush()
    if (result.pathMtu === null) io.setExit(1)
    return document
  } finally {
    prepared.close()
  }
}
