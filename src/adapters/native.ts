// The native socket: the only place that loads the .node file.
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PacketRingPort } from '../ports/packet-ring.js'

export interface NativeSocket extends PacketRingPort {
  /** poll(2) of any descriptor, without waiting. Answers what is the case of `events`, and POLLERR, POLLHUP and POLLNVAL always. */
  pollNow(fd: number, events: number): number
  /** Bytes of the kernel's structs as the C compiler laid them out, by struct name. */
  readonly structSizes: Readonly<Record<string, number>>
}

export interface LoadFailure {
  /** Why there is no native socket, and what to do about it, in one line. */
  readonly reason: string
}

export function isLoadFailure(loaded: NativeSocket | LoadFailure): loaded is LoadFailure {
  return 'reason' in loaded
}

/** This file, or the bundle it is part of: CommonJS has a file name where a module has a URL. */
function ownFile(): string {
  return typeof __filename === 'string' ? __filename : fileURLToPath(import.meta.url)
}

/** The nearest directory upwards whose package.json is netkit's: right from src/, from dist/ and from a bundle. */
function packageRoot(file: string): string | null {
  for (let directory = dirname(file); ; directory = dirname(directory)) {
    if (packageName(join(directory, 'package.json')) === 'netkit') return directory
    if (directory === dirname(directory)) return null
  }
}

function packageName(path: string): unknown {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { name?: unknown } | null)?.name
  } catch {
    return undefined
  }
}

function message(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!
}

/**
 * Loads the addon, prebuilt or else as node-gyp left it. Never throws. NETKIT_NATIVE=off makes it fail.
 * @param root the package's directory; found from this file when not given.
 */
export function loadNative(root?: string): NativeSocket | LoadFailure {
  if (process.env['NETKIT_NATIVE'] === 'off')
    return { reason: 'the native socket is switched off by NETKIT_NATIVE=off' }
  const file = ownFile()
  const base = root ?? packageRoot(file)
  if (base === null) return { reason: `no package.json of netkit above ${file}, so its native socket cannot be found` }
  const candidates = [`prebuilds/linux-${process.arch}/netkit.node`, 'native/build/Release/netkit.node']
  const require = createRequire(file)
  const failures: string[] = []
  for (const candidate of candidates) {
    const path = join(base, candidate)
    if (!existsSync(path)) continue
    try {
      return require(path) as NativeSocket
    } catch (error) {
      failures.push(message(error))
    }
  }
  if (failures.length > 0) return { reason: `the native socket does not load: ${failures.join('; ')}` }
  return { reason: `the native socket ${join(base, candidates[0]!)} is missing: in a clone, npm run build makes it` }
}
