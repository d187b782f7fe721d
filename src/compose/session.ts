// Builds what a socket listing needs out of adapters: the ways to the kernel, the namespaces, the names.

import fs from 'node:fs'
import { CAP_SYS_ADMIN, hasCapability } from '../adapters/capabilities.js'
import { CgroupNames } from '../adapters/cgroups.js'
import { interfaceNames } from '../adapters/interface-names.js'
import { readPortRange, readProtocols, readServices, readUsers } from '../adapters/names.js'
import { isLoadFailure, loadNative } from '../adapters/native.js'
import { nativeNetlink } from '../adapters/netlink.js'
import { findNetns, listNetns } from '../adapters/netns.js'
import { scanProcesses } from '../adapters/process-scan.js'
import { procSocketSource } from '../adapters/procfs.js'
import { printable } from '../bytes/printable.js'
import { type DecodeError, fromNodeError, NetkitError } from '../errors/index.js'
import type { NetlinkPort } from '../ports/netlink.js'
import type { NetworkNamespace, ProcSocketSource } from '../ports/proc.js'
import type { NetnsTarget } from '../sockets/collect.js'
import type { FilterContext, ServiceLookup } from '../sockets/filter/index.js'
import type { ListingPorts, Owners } from '../sockets/listing.js'
import type { SocketLookups } from '../sockets/lookups.js'
import type { ServiceNames, UserNames } from '../sockets/names.js'

/** A namespace of the run with what else is known of it. */
export interface RunTarget extends NetnsTarget {
  pid: number | null
}

export interface Session {
  ports: ListingPorts
  targets: RunTarget[]
  /** Things the user should know about the namespaces. */
  notes: string[]
  /** Processes that hide their network namespace and namespaces that hide their processes: there may be sockets that nobody here sees. */
  unseen: number
  context: FilterContext
  lookups: SocketLookups
  /** What a recording holds, and how it was made; null for the kernel itself. */
  recorded: RecordedListing | null
  close(): void
}

export interface RecordedListing {
  /** Ids of the tables there are. */
  tables: ReadonlySet<string>
  source: 'auto' | 'netlink' | 'procfs'
  holders: 'none' | 'processes' | 'threads'
  /** Why not all of it could be read; null when it could. */
  damage: DecodeError | null
}

export const DEFAULT_EPHEMERAL: readonly [number, number] = [32768, 60999]

export function lazily<Value>(make: () => Value): () => Value {
  let made: { value: Value } | null = null
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

const absent: ProcSocketSource = {
  read: () => ({
    rows: 0,
    skipped: 0,
    error: {
      code: 'no-process',
      message: 'no process of this network namespace is visible, so procfs does not show it',
    },
  }),
}

/** Opens the native netlink port; the reason why not otherwise. */
export function openNetlink(): { netlink: NetlinkPort | null; reason: string | null } {
  const native = loadNative()
  return isLoadFailure(native)
    ? { netlink: null, reason: native.reason }
    : { netlink: nativeNetlink(native), reason: null }
}

export const services = lazily<ServiceNames>(() => readServices())

/** Ports of a service name in any protocol, for filters. */
export const serviceLookup: ServiceLookup = name => {
  const ports = ['tcp', 'udp', 'sctp'].map(protocol => services().portOf(name, protocol))
  return [...new Set(ports.filter(port => port !== null))]
}

/**
 * Opens what `netns` names: nothing (the caller's namespace), one, or `all`.
 * @throws UsageError when there is no such namespace
 */
export function openSession(netns: string | null, owners: Owners): Session {
  const { netlink, reason } = openNetlink()
  const notes: string[] = []
  const { targets, unseen } = netns === null ? { targets: [ownTarget()], unseen: 0 } : namespaceTargets(netns, notes)
  const protocols = lazily(() => readProtocols())
  const users = lazily<UserNames>(() => readUsers())
  const cgroups = lazily(() => new CgroupNames())
  const interfaces = targets.map(target => lazily(() => interfaceNames(netlink, target.fd, target.pid)))
  const ephemeral = lazily(() => readPortRange())
  const namesOf = (index: number): Map<number, string> => interfaces[index]?.() ?? new Map()
  const label = (index: number): string | null => targets[index]?.label ?? null

  const lookups: SocketLookups = {
    service: (protocol, port) => services().nameOf(port, protocol === 'mptcp' ? 'tcp' : protocol),
    ipProtocol: number => protocols().get(number) ?? null,
    interfaceName: (index, ifindex) => namesOf(index).get(ifindex) ?? `if${ifindex}`,
    userName: uid => users().nameOf(uid),
    cgroupPath: id => cgroups().pathOf(BigInt(`0x${id}`)),
    netnsLabel: label,
    holders: record => owners.of(record),
    peerHolders: record => owners.ofPeer(record),
    hostName: () => null,
  }
  const context: FilterContext = {
    ephemeralPorts: () => {
      const range = ephemeral()
      return range ? [range.low, range.high] : DEFAULT_EPHEMERAL
    },
    interfaceIndex: (name, index) => {
      for (const [ifindex, each] of namesOf(index)) if (each === name) return ifindex
      return null
    },
    uidOf: user => users().uidOf(user),
    userOf: uid => users().nameOf(uid),
    cgroupId: path => cgroups().idOf(path),
    cgroupPath: id => cgroups().pathOf(id),
    holders: (_inode, record) => owners.of(record),
    netnsLabel: label,
  }
  const ports: ListingPorts = {
    netlink,
    netlinkUnavailable: reason,
    now: () => performance.now(),
    scanProcesses,
  }
  return { ports, targets, notes, unseen, context, lookups, recorded: null, close: () => closeAll(targets) }
}

function ownTarget(): RunTarget {
  return { label: null, fd: -1, pid: null, proc: procSocketSource() }
}

function namespaceTargets(spec: string, notes: string[]): { targets: RunTarget[]; unseen: number } {
  const { namespaces, unreadable } = spec === 'all' ? listNetns() : { namespaces: [findNetns(spec)], unreadable: 0 }
  if (unreadable > 0) {
    const hiding = unreadable === 1 ? '1 process hides its' : `${unreadable} processes hide their`
    notes.push(`${hiding} network namespace: run as root to see all of them`)
  }
  if (spec !== 'all' || hasCapability(CAP_SYS_ADMIN)) return { targets: namespaces.map(targetOf), unseen: unreadable }
  // Whose processes are in a named namespace the kernel hides from other users: it is listed by one of them, or not at all.
  const listed = namespaces.filter(({ current, pid }) => current || pid !== null)
  const unlisted = namespaces.filter(namespace => !listed.includes(namespace)).map(({ label }) => printable(label))
  if (unlisted.length > 0) {
    notes.push(
      `this user may not see which processes are in ${unlisted.join(', ')}: such a namespace is listed under the name of a ` +
        'process in it, and not at all when there is none; run as root to see it by its name',
    )
  }
  // Whether a process that is listed is in one of them cannot be told, so that nothing found is not "no".
  return { targets: listed.map(targetOf), unseen: unreadable + unlisted.length }
}

/** A namespace is entered through its descriptor where that is allowed, and read through a process of it otherwise. */
function targetOf(namespace: NetworkNamespace): RunTarget {
  const { label, pid, path, current } = namespace
  const proc = current ? procSocketSource() : pid === null ? absent : procSocketSource({ pid })
  if (current) return { label, fd: -1, pid, proc }
  if (path === null || !hasCapability(CAP_SYS_ADMIN)) return { label, fd: null, pid, proc }
  try {
    return { label, fd: fs.openSync(path, 'r'), pid, proc }
  } catch (error) {
    const failure = fromNodeError('netns', error, `open network namespace ${label}`)
    if (!(failure instanceof NetkitError)) throw failure
    return { label, fd: null, pid, proc }
  }
}

function closeAll(targets: readonly RunTarget[]): void {
  for (const { fd } of targets) if (fd !== null && fd >= 0) fs.closeSync(fd)
}
