// `netkit ping --mtu`: the largest packet that passes, and who or what limits it.

import { printable } from '../../bytes/printable.js'
import { type PingSettings, preparePing } from '../../compose/ping.js'
import { unresolvedError } from '../../compose/probe.js'
import { findPathMtu } from '../../probe/path-mtu.js'
import { LARGEST_PAYLOAD } from '../../probe/probe-size.js'
import { expandTargets } from '../../probe/targets.js'
import { pathMtuObject, unresolvedMtuObject } from '../../render/path-mtu-json.js'
import { pathMtuLines } from '../../render/path-mtu-text.js'
import type { Console } from '../console.js'

/** Of one round of probes, when -W says nothing. */
const TIMEOUT_MS = 1000
const INTERVAL_MS = 10
/** Of the whole search, when -w says nothing. */
const DEADLINE_MS = 60_000

/** Finds the path MTU of each target in turn: exit 1 when one does not answer. */
export async function runPathMtu(list: readonly string[], settings: PingSettings, io: Console): Promise<undefined> {
  const documents: object[] = []
  const abort = new AbortController()
  const free = io.onInterrupt(() => abort.abort())
  try {
    for (const { target } of expandTargets(list)) {
      if (abort.signal.aborted) break
      documents.push(await search(target, settings, list.length > 1, io, abort.signal))
    }
  } finally {
    free()
  }
  if (io.format === 'json') io.out.json({ targets: documents })
  return undefined
}

async function search(
  target: string,
  settings: PingSettings,
  many: boolean,
  io: Console,
  signal: AbortSignal,
): Promise<object> {
  const payloadBytes = LARGEST_PAYLOAD[4]
  const prepared = await preparePing([target], { ...settings, payloadBytes, pathMtu: 'probe', many: false })
  try {
    const [missing] = prepared.unresolved
    if (missing !== undefined) {
      if (!many) throw unresolvedError(missing)
      io.err.line(`netkit: ${printable(missing.target)}: ${printable(missing.reason)}`)
      io.setExit(2)
      const nothing = unresolvedMtuObject(missing.target, missing.reason)
      if (io.format === 'ndjson') io.out.jsonLine(nothing)
      return nothing
    }
    for (const note of prepared.notes) io.err.line(`netkit: ${printable(note)}`)
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
    const document = pathMtuObject(result)
    if (io.format === 'ndjson') io.out.jsonLine(document)
    else if (io.format === 'text') for (const line of pathMtuLines(result, () => null)) io.out.line(line)
    io.out.flush()
    if (result.pathMtu === null && !process.exitCode) io.setExit(1)
    return document
  } finally {
    prepared.close()
  }
}
