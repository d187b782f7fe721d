// Helper processes that hold sockets in a namespace: every state, a crowd on one port, a full queue, a hostile name.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Helper, spawnInNetns } from './netns.js'

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const LAB_HELPER = script('lab-helper.py')

/** A process's name (comm) that breaks naive parsers of /proc/PID/stat and of terminals. */
export const HOSTILE_COMM = 'a) \x1b[31mR'

/** A socket that a helper says it made. */
export interface HeldSocket {
  protocol: 'tcp' | 'udp' | 'unix' | 'raw' | 'packet' | 'netlink' | 'mptcp'
  /** In netkit's words. */
  state: string
  what: string
  /** `address:port` with IPv6 in brackets; for unix the path (`@` for NUL), '' when unnamed. */
  local: string
  peer: string | null
  /** 0 for what has no descriptor: TIME-WAIT, SYN-RECV, orphans, un-accepted children. */
  inode: number
  pid: number | null
  /** All holders, where there are several. */
  pids?: number[]
}

export interface HeldStates {
  pid: number
  sockets: HeldSocket[]
  /** What this kernel or machine would not let us hold, and why. */
  notHeld: { what: string; why: string }[]
  directory: string
  /** TIME-WAIT and orphaned FIN-WAIT-2 live 60 s: makes new ones, and answers with what it made. */
  refresh(): Promise<HeldSocket[]>
  release(): Promise<void>
}

/** Holds in `ns` a socket in every state that loopback can hold still. */
export async function holdAllStates(ns: string): Promise<HeldStates> {
  const directory = await mkdtemp(join(tmpdir(), 'nk-lab-'))
  const helper = await spawnInNetns(ns, ['python3', script('hold-states.py'), directory])
  type Answer = Pick<HeldStates, 'pid' | 'sockets' | 'notHeld'>
  // The paths are needed only for making the sockets: removed now, nothing is left behind if the test dies.
  const answer = await helper.next<Answer>().finally(() => rm(directory, { recursive: true, force: true }))
  return {
    ...answer,
    directory,
    refresh: async () => (await helper.ask<Answer>('refresh')).sockets,
    release: () => helper.close(),
  }
}

export interface NamedProcess {
  pid: number
  port: number
  inode: number
  comm: string
  release(): Promise<void>
}

/** A process whose comm is `name` (15 bytes at most) and which holds a TCP listener in `ns`. */
export async function processNamed(ns: string, name = HOSTILE_COMM, host = '127.0.0.1'): Promise<NamedProcess> {
  const hex = Buffer.from(name).toString('hex')
  const helper = await spawnInNetns(ns, ['python3', LAB_HELPER, 'named', hex, host])
  const answer = await helper.next<{ pid: number; port: number; inode: number }>()
  return { ...answer, comm: name, release: () => helper.close() }
}

/** Inodes on the shared port, oldest first. */
export interface CrowdMembers {
  pid: number
  port: number
  tcp: number[]
  udp: number[]
}

export interface Crowd {
  /** As of the last answer. */
  readonly members: CrowdMembers
  open(count: number): Promise<CrowdMembers>
  close(count: number, which?: 'newest' | 'oldest'): Promise<CrowdMembers>
  closeInodes(inodes: readonly number[]): Promise<CrowdMembers>
  release(): Promise<void>
}

/** `count` SO_REUSEPORT TCP listeners and as many UDP sockets on one port of 127.0.0.1. */
export async function reuseportCrowd(ns: string, count: number): Promise<Crowd> {
  const helper = await spawnInNetns(ns, ['python3', LAB_HELPER, 'crowd', String(count)])
  let members = await helper.next<CrowdMembers>()
  const ask = async (command: string): Promise<CrowdMembers> => {
    members = await helper.ask<CrowdMembers>(command)
    return members
  }
  return {
    get members() {
      return members
    },
    open: number => ask(`open ${number}`),
    close: (number, which = 'newest') => ask(`close ${number} ${which}`),
    closeInodes: inodes => ask(`close-inodes ${inodes.join(' ')}`),
    release: () => helper.close(),
  }
}

export interface SlowAcceptor {
  pid: number
  port: number
  inode: number
  /** Backlog given to listen(2); the queue holds one more. */
  limit: number
  /** Connections waiting. */
  length: number
  /** Clients left in SYN-SENT. */
  trying: number
  /** Accepts all that wait; answers how many. No client tries again afterwards. */
  drain(): Promise<number>
  release(): Promise<void>
}

/** A listener that accepts nothing, and `clients` connections to it: full from `backlog + 1` clients on. */
export async function slowAcceptor(ns: string, backlog = 2, clients = backlog + 2): Promise<SlowAcceptor> {
  const helper: Helper = await spawnInNetns(ns, ['python3', LAB_HELPER, 'acceptor', String(backlog), String(clients)])
  const answer = await helper.next<Omit<SlowAcceptor, 'drain' | 'release'>>()
  return {
    ...answer,
    drain: async () => (await helper.ask<{ accepted: number }>('drain')).accepted,
    release: () => helper.close(),
  }
}
