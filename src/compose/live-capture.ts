// Live capture: which interface, which way to the kernel, and what is to be said about it.

import { openCapCapture } from '../adapters/capture-cap.js'
import { openRingCapture } from '../adapters/capture-ring.js'
import { interfaceNames } from '../adapters/interface-names.js'
import { isLoadFailure, loadNative } from '../adapters/native.js'
import { nativeNetlink } from '../adapters/netlink.js'
import { NetkitError, UnsupportedError, UsageError } from '../errors/index.js'
import type { PacketSource } from '../ports/capture.js'
import type { LiveCaptureOptions } from '../ports/live-capture.js'

/** All interfaces at once. */
export const ANY_INTERFACE = 'any'
/** What tcpdump keeps of a packet. */
export const DEFAULT_SNAP_LENGTH = 262_144
const DEFAULT_BUFFER_BYTES = 32 * 1024 * 1024

export interface LiveCaptureRequest extends Partial<Omit<LiveCaptureOptions, 'interface'>> {
  interface: string
  /** `ring` is netkit's own, `cap` the npm package; `auto` takes the first that works. */
  source?: 'auto' | 'ring' | 'cap'
  /** The known word nearest to one that is not known: for "did you mean". */
  nearest?: (word: string, known: readonly string[]) => string | undefined
}

export interface LiveCapture {
  source: PacketSource
  /** What the reader of the output must know about how it was captured, one sentence each. */
  notes: readonly string[]
}

const CAP_LIMITS =
  "captured with the cap package: times are this program's, what the kernel dropped is not known, packets are cut at 65,535 bytes, and it crashes when the interface goes down"

/**
 * @param native netkit's own socket, or why there is none
 * @throws UsageError for an interface that is not there or is down and for a wrong filter, PermissionError without CAP_NET_RAW,
 *   UnsupportedError where neither way works
 */
export function openLiveCapture(request: LiveCaptureRequest, native = loadNative()): LiveCapture {
  const options: LiveCaptureOptions = {
    interface: request.interface,
    filter: request.filter?.trim() ? request.filter : null,
    snapLength: request.snapLength || DEFAULT_SNAP_LENGTH,
    promiscuous: request.promiscuous ?? true,
    bufferBytes: request.bufferBytes ?? DEFAULT_BUFFER_BYTES,
  }
  if (request.source === 'cap') return { source: throughCap(request, options), notes: [CAP_LIMITS] }
  if (!isLoadFailure(native)) {
    const names = interfaceNames(nativeNetlink(native), -1, null)
    const ifindex = options.interface === ANY_INTERFACE ? 0 : indexOf(names, options.interface)
    if (ifindex === undefined) throw noSuchInterface(request, names)
    return { source: openRingCapture(native, options, ifindex), notes: [] }
  }
  if (request.source === 'ring')
    throw new UnsupportedError(`the capture ring cannot be used: ${native.reason}`, { hints: ['try --source cap'] })
  return { source: throughCap(request, options), notes: [native.reason, CAP_LIMITS] }
}

function throughCap(request: LiveCaptureRequest, options: LiveCaptureOptions): PacketSource {
  try {
    return openCapCapture(options)
  } catch (error) {
    if (error instanceof NetkitError && error.code === 'no-such-interface')
      throw noSuchInterface(request, interfaceNames(null, -1, null), error)
    throw error
  }
}

function indexOf(names: ReadonlyMap<number, string>, wanted: string): number | undefined {
  for (const [index, name] of names) if (name === wanted) return index
  return undefined
}

function noSuchInterface(request: LiveCaptureRequest, names: ReadonlyMap<number, string>, cause?: unknown): UsageError {
  const known = [...names.values(), ANY_INTERFACE]
  const near = request.nearest?.(request.interface, known)
  return new UsageError(`there is no interface ${request.interface}`, {
    code: 'no-such-interface',
    cause,
    hints: [...(near === undefined ? [] : [`did you mean ${near}?`]), `interfaces here: ${known.join(', ')}`],
  })
}
