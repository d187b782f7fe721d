// Builds what a socket listing needs out of a recording: the same as a session with the kernel, with the names of then.

import { readProtocols } from '../adapters/names.js'
import { openRecording, type RecordingFile } from '../adapters/recording-file.js'
import { openReplay, type Replay } from '../adapters/replay.js'
import { UsageError } from '../errors/index.js'
import type { FilterContext } from '../sockets/filter/index.js'
import type { Owners } from '../sockets/listing.js'
import type { SocketLookups } from '../sockets/lookups.js'
import { DEFAULT_EPHEMERAL, lazily, type RunTarget, type Session, services } from './session.js'

/**
 * Opens a recording, all of it or the namespace `netns`.
 * @throws DecodeError when the file is none; SystemCallError, PermissionError when it cannot be read
 */
export function openReplaySession(path: string, netns: string | null, threads: boolean, owners: Owners): Session {
  const file = openRecording(path)
  try {
    return sessionOf(openReplay(file, threads), file, netns, owners)
  } catch (error) {
    file.close()
    throw error
  }
}

function sessionOf(replay: Replay, file: RecordingFile, netns: string | null, owners: Owners): Session {
  const { header, names, report } = replay
  const targets = chooseTargets(replay, netns)
  const protocols = lazily(() => readProtocols())
  const recordedNames = (index: number): ReadonlyMap<number, string> | undefined =>
    names.interfaces[targets[index]?.fd ?? -1]
  const label = (index: number): string | null => targets[index]?.label ?? null
  const cgroupPath = (hex: string): string => names.cgroups.get(hex) ?? `unreachable:${hex}`
  const userOf = (uid: number): string | null => names.users.get(uid) ?? null

  const lookups: SocketLookups = {
    service: (protocol, port) => services().nameOf(port, protocol === 'mptcp' ? 'tcp' : protocol),
    ipProtocol: number => protocols().get(number) ?? null,
    interfaceName: (index, ifindex) => recordedNames(index)?.get(ifindex) ?? `if${ifindex}`,
    userName: userOf,
    cgroupPath,
    netnsLabel: label,
    holders: record => owners.of(record),
    peerHolders: record => owners.ofPeer(record),
    hostName: () => null,
  }
  const context: FilterContext = {
    ephemeralPorts: () => header.ephemeralPorts ?? DEFAULT_EPHEMERAL,
    interfaceIndex: (name, index) => keyOf(recordedNames(index) ?? [], name),
    uidOf: user => keyOf(names.users, user),
    userOf,
    cgroupId: path => {
      const id = keyOf(names.cgroups, path.replace(/^\/sys\/fs\/cgroup(?=\/|$)/, '') || '/')
      return id === null ? null : BigInt(`0x${id}`)
    },
    cgroupPath: id => cgroupPath(id.toString(16)),
    holders: (_inode, record) => owners.of(record),
    netnsLabel: label,
  }
  return {
    ports: {
      netlink: replay.netlink,
      netlinkUnavailable: null,
      now: () => performance.now(),
      scanProcesses: replay.scanProcesses,
      recorded: { consistency: report.consistency, damaged: report.damaged },
    },
    targets,
    notes: [...(replay.damage ? [`${replay.damage.message}; what could be read is shown`] : []), ...report.notes],
    unseen: 0,
    context,
    lookups,
    recorded: {
      tables: new Set(header.tables),
      source: header.source,
      holders: header.holders,
      damage: replay.damage,
    },
    close: () => file.close(),
  }
}

function chooseTargets(replay: Replay, netns: string | null): RunTarget[] {
  const all = replay.header.namespaces.map(
    (label, index): RunTarget => ({ label, fd: index, pid: null, proc: replay.proc(index) }),
  )
  if (netns === null || netns === 'all') return all
  const chosen = all.filter(target => target.label === netns)
  if (chosen.length > 0) return chosen
  const labels = all.flatMap(target => (target.label === null ? [] : [target.label]))
  throw new UsageError(`the recording has no network namespace ${netns}`, {
    hints: [labels.length > 0 ? `it has: ${labels.join(' ')}` : 'it was made without --net: leave the option out'],
  })
}

function keyOf<Key>(names: Iterable<readonly [Key, string]>, name: string): Key | null {
  for (const [key, each] of names) if (each === name) return key
  return null
}
