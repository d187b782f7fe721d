// Finds network namespaces: by name, path or process, and all that are visible on this host.

import fs from 'node:fs'
import { fromNodeError, NetkitError, UnsupportedError, UsageError } from '../errors/index.js'
import type { NamespaceList, NetworkNamespace } from '../ports/proc.js'
import { parseMountinfo } from '../sockets/names.js'
import { errorCode } from './errno.js'

/** Where `ip netns` binds namespaces; the second is the older path, usually a link to the first. */
const NAME_DIRECTORIES = ['/run/netns', '/var/run/netns']

/**
 * What a namespace is told apart by: its inode, or where the kernel hides that from this user (another user's process) the inode
 * of its /proc/PID/net/stat. Each namespace has its own tree under /proc/PID/net, which everybody may look at.
 */
interface Seen {
  inode: number | null
  statInode: number | null
  pid: number | null
  path: string | null
  name: string | null
}

export interface NetnsOptions {
  procRoot?: string
  nameDirectories?: readonly string[]
}

/** The namespace that a NAME of `ip netns`, a PATH or a PID names. @throws UsageError where there is none; PermissionError */
export function findNetns(spec: string, options: NetnsOptions = {}): NetworkNamespace {
  const root = options.procRoot ?? '/proc'
  if (spec === '') throw new UsageError('a network namespace is a name, a path or a process id, not nothing')
  // `ip netns` allows a name of digits; a namespace that exists under that name goes before a process.
  const named = namedPath(spec, options)
  if (named !== null) return openable(spec, named, root, options)
  if (/^\d+$/.test(spec)) return ofProcess(Number(spec), root)
  if (spec.includes('/')) return openable(spec, spec, root, options)
  throw new UsageError(`there is no network namespace named ${quoted(spec)}`, {
    code: 'no-such-netns',
    hints: ['ip netns list', 'or give a process id, or a path such as /proc/PID/ns/net'],
  })
}

function namedPath(spec: string, options: NetnsOptions): string | null {
  if (spec.includes('/') || spec === '.' || spec === '..') return null
  for (const directory of options.nameDirectories ?? NAME_DIRECTORIES) {
    const path = `${directory}/${spec}`
    if (inodeOf(path) !== null) return path
  }
  return null
}

function ofProcess(pid: number, root: string): NetworkNamespace {
  const net = `${root}/${pid}/net`
  if (inodeOf(net) === null) {
    throw new UsageError(`there is no process ${pid} whose network namespace could be listed`, {
      code: 'no-such-netns',
    })
  }
  const path = `${root}/${pid}/ns/net`
  const inode = inodeOf(path)
  const label = `${processName(root, pid)}/${pid}`
  return { label, inode, path: inode === null ? null : path, pid, current: isCurrent(root, pid) }
}

function openable(spec: string, path: string, root: string, options: NetnsOptions): NetworkNamespace {
  let inode: number
  try {
    inode = fs.statSync(path).ino
    fs.closeSync(fs.openSync(path, 'r'))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') {
      throw new UsageError(`there is no network namespace at ${quoted(path)}`, { code: 'no-such-netns', cause: error })
    }
    const failure = fromNodeError('netns', error, `open network namespace ${quoted(path)}`)
    throw failure instanceof NetkitError
      ? failure
      : new UnsupportedError(`cannot open ${quoted(path)}`, { cause: error })
  }
  if (!isNamespace(path)) {
    throw new UsageError(`${quoted(path)} is not a network namespace`, { code: 'no-such-netns' })
  }
  const known = listNetns(options).namespaces.find(namespace => namespace.inode === inode)
  return {
    label: spec,
    inode,
    path,
    pid: known?.pid ?? null,
    current: inode === inodeOf(`${root}/self/ns/net`),
  }
}

/** True for a file of nsfs: it lies on the device that /proc/self/ns/net does. */
function isNamespace(path: string): boolean {
  const own = fs.statSync('/proc/self/ns/net', { throwIfNoEntry: false })
  return own === undefined || fs.statSync(path).dev === own.dev
}

/** Every network namespace visible here: of processes, of names, and of bind mounts. The current one comes first. */
export function listNetns(options: NetnsOptions = {}): NamespaceList {
  const root = options.procRoot ?? '/proc'
  const seen: Seen[] = []
  const unreadable = addProcesses(root, seen)
  for (const directory of options.nameDirectories ?? NAME_DIRECTORIES) {
    for (const name of entries(directory)) addPath(`${directory}/${name}`, name, seen)
  }
  for (const mount of parseMountinfo(readText(`${root}/self/mountinfo`))) {
    if (mount.type === 'nsfs' && mount.root.startsWith('net:')) addPath(mount.mountPoint, null, seen)
  }
  const ownStat = inodeOf(`${root}/self/net/stat`)
  const ownInode = inodeOf(`${root}/self/ns/net`)
  const namespaces = seen.map((found): NetworkNamespace => {
    const current = found.inode === null ? found.statInode === ownStat : found.inode === ownInode
    const { inode, pid } = found
    const path = current ? `${root}/self/ns/net` : found.path
    return { label: labelOf(found, current, root), inode, path, pid, current }
  })
  namespaces.sort((a, b) => Number(b.current) - Number(a.current))
  return { namespaces, unreadable }
}

/** One entry for each namespace that a process is in, with the lowest such pid. Returns how many could not be told. */
function addProcesses(root: string, seen: Seen[]): number {
  const byInode = new Map<number, Seen>()
  const byStat = new Map<number, Seen>()
  let unreadable = 0
  const pids = entries(root).filter(entry => /^\d+$/.test(entry))
  for (const pid of pids.map(Number).sort((a, b) => a - b)) {
    const path = `${root}/${pid}/ns/net`
    const inode = inodeOf(path)
    const statInode = inodeOf(`${root}/${pid}/net/stat`)
    if (inode === null && statInode === null) {
      // Gone, or a zombie, which is in no namespace any more; otherwise hidden.
      if (inodeOf(`${root}/${pid}`) !== null && !isZombie(root, pid)) unreadable++
      continue
    }
    const known = (inode !== null && byInode.get(inode)) || (statInode !== null && byStat.get(statInode)) || null
    const entry = known || { inode: null, statInode: null, pid, path: null, name: null }
    if (!known) seen.push(entry)
    entry.statInode ??= statInode
    if (inode !== null && entry.inode === null) {
      // A readable member proves which namespace the others are in too.
      entry.inode = inode
      entry.path = path
    }
    if (entry.inode !== null) byInode.set(entry.inode, entry)
    if (entry.statInode !== null) byStat.set(entry.statInode, entry)
  }
  return unreadable
}

/** A namespace found by its file. It may be one that processes were seen in. */
function addPath(path: string, name: string | null, seen: Seen[]): void {
  const inode = inodeOf(path)
  if (inode === null || !isNamespace(path)) return
  const known = seen.find(entry => entry.inode === inode)
  if (known) {
    known.path ??= path
    known.name ??= name
    return
  }
  seen.push({ inode, statInode: null, pid: null, path, name })
}

function labelOf(found: Seen, current: boolean, root: string): string {
  if (found.name !== null) return found.name
  if (current) return 'current'
  if (found.pid !== null) return `${processName(root, found.pid)}/${found.pid}`
  return found.path ?? `net:[${found.inode}]`
}

function isCurrent(root: string, pid: number): boolean {
  return inodeOf(`${root}/${pid}/net/stat`) === inodeOf(`${root}/self/net/stat`)
}

function processName(root: string, pid: number): string {
  return readText(`${root}/${pid}/comm`).replace(/\n$/, '') || 'process'
}

function isZombie(root: string, pid: number): boolean {
  const stat = readText(`${root}/${pid}/stat`)
  return /^ [ZX]/.test(stat.slice(stat.lastIndexOf(')') + 1))
}

/** Inode behind a path; null when it is not there or not to be seen. */
function inodeOf(path: string): number | null {
  try {
    return fs.statSync(path, { throwIfNoEntry: false })?.ino ?? null
  } catch {
    return null
  }
}

function entries(directory: string): string[] {
  try {
    return fs.readdirSync(directory)
  } catch {
    return []
  }
}

function readText(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function quoted(text: string): string {
  return JSON.stringify(text)
}
