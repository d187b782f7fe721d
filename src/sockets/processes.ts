// Which processes hold which sockets: compact tables filled by a scan, asked by inode.

import type { Holder } from './model.js'

/** A process (or a thread of one, when threads were asked for) that holds sockets. */
export interface HolderProcess {
  pid: number
  /** Thread id; null when the descriptor table was read through the process itself. */
  tid: number | null
  /** comm as the kernel gives it: untrusted text. */
  name: string
}

/** A holder with its thread, as `-T` shows it. */
export interface ThreadHolder extends Holder {
  tid: number | null
}

/** Anything that can say whether an inode matters: a `Set<number>`, or an `InodeSet` where there are very many. */
export interface InodeTest {
  readonly size: number
  has(inode: number): boolean
}

/**
 * Fibonacci hashing: the upper bits of the product, as many as the table has. Sockets are numbered consecutively, and these
 * bits spread such numbers evenly (1.15 probes on average at 100,000 sockets; the middle bits take 4.9).
 */
const slotOf = (inode: number, mask: number): number => Math.imul(inode, 0x9e3779b1) >>> Math.clz32(mask)

/** A set of inode numbers below 2^32 in 8 to 32 bytes each; 0 means "no inode" and is never a member. */
export class InodeSet implements InodeTest {
  size = 0
  private slots: Uint32Array

  constructor(expected = 64) {
    this.slots = new Uint32Array(tableSize(expected))
  }

  add(inode: number): void {
    if (inode <= 0 || inode > 0xffffffff) return
    if (this.size * 2 >= this.slots.length) this.grow()
    if (insert(this.slots, inode)) this.size++
  }

  has(inode: number): boolean {
    if (inode <= 0) return false
    const mask = this.slots.length - 1
    for (let at = slotOf(inode, mask); ; at = (at + 1) & mask) {
      const found = this.slots[at]!
      if (found === inode) return true
      if (found === 0) return false
    }
  }

  private grow(): void {
    const old = this.slots
    this.slots = new Uint32Array(old.length * 4)
    for (const inode of old) if (inode !== 0) insert(this.slots, inode)
  }
}

/** True when the inode was not there before. */
function insert(slots: Uint32Array, inode: number): boolean {
  const mask = slots.length - 1
  let at = slotOf(inode, mask)
  while (slots[at] !== 0) {
    if (slots[at] === inode) return false
    at = (at + 1) & mask
  }
  slots[at] = inode
  return true
}

/** A power of two that `expected` entries fill at most half. */
function tableSize(expected: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(32, expected * 2)))
}

/**
 * Every holder of every socket of a scan: 12 bytes a descriptor and 8 to 16 a socket, because a server may hold 100,000.
 * Holder objects are made only for the socket that is asked for.
 */
export class HolderTable {
  readonly processes: HolderProcess[] = []
  private inodes: Uint32Array
  private owners: Uint32Array
  private fds: Uint32Array
  /** Entry that was added before this one for the same inode, plus one; 0 ends the chain. */
  private previous: Uint32Array
  /** Newest entry of an inode plus one, by hash of the inode. */
  private heads: Uint32Array
  private count = 0
  private distinct = 0

  /** `expected` descriptors fit without growing. */
  constructor(expected = 64) {
    const entries = Math.max(64, expected)
    this.inodes = new Uint32Array(entries)
    this.owners = new Uint32Array(entries)
    this.fds = new Uint32Array(entries)
    this.previous = new Uint32Array(entries)
    this.heads = new Uint32Array(tableSize(entries + 1))
  }

  /** Descriptors recorded. */
  get size(): number {
    return this.count
  }

  /** Sockets with at least one holder. */
  get sockets(): number {
    return this.distinct
  }

  /** Registers a process; the number returned is what `add` takes. */
  addProcess(process: HolderProcess): number {
    return this.processes.push(process) - 1
  }

  add(inode: number, process: number, fd: number): void {
    if (this.count === this.inodes.length) this.growEntries()
    if (this.distinct * 2 >= this.heads.length) this.growHeads()
    const entry = this.count++
    this.inodes[entry] = inode
    this.owners[entry] = process
    this.fds[entry] = fd
    const slot = this.find(inode)
    const newest = this.heads[slot]!
    if (newest === 0) this.distinct++
    this.previous[entry] = newest
    this.heads[slot] = entry + 1
  }

  has(inode: number): boolean {
    return inode > 0 && this.heads[this.find(inode)] !== 0
  }

  /** All holders of a socket, by pid, thread and descriptor; empty when none was found. */
  holdersOf(inode: number): ThreadHolder[] {
    const holders: ThreadHolder[] = []
    if (inode <= 0) return holders
    for (let next = this.heads[this.find(inode)]!; next !== 0; next = this.previous[next - 1]!) {
      const { pid, tid, name } = this.processes[this.owners[next - 1]!]!
      holders.push({ pid, name, fd: this.fds[next - 1]!, tid })
    }
    if (holders.length > 1) holders.sort((a, b) => a.pid - b.pid || (a.tid ?? 0) - (b.tid ?? 0) || a.fd - b.fd)
    return holders
  }

  /** Slot in `heads` of an inode, or the empty one where it belongs. */
  private find(inode: number): number {
    const mask = this.heads.length - 1
    let slot = slotOf(inode, mask)
    for (;;) {
      const head = this.heads[slot]!
      if (head === 0 || this.inodes[head - 1] === inode) return slot
      slot = (slot + 1) & mask
    }
  }

  private growEntries(): void {
    this.inodes = doubled(this.inodes)
    this.owners = doubled(this.owners)
    this.fds = doubled(this.fds)
    this.previous = doubled(this.previous)
  }

  private growHeads(): void {
    const old = this.heads
    this.heads = new Uint32Array(old.length * 2)
    for (const head of old) if (head !== 0) this.heads[this.find(this.inodes[head - 1]!)] = head
  }
}

function doubled(values: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(values.length * 2)
  larger.set(values)
  return larger
}

/** The inode in the target of a /proc/PID/fd link, `socket:[123]`; 0 when the descriptor is not a socket. */
export function parseSocketLink(target: string): number {
  if (!target.startsWith('socket:[')) return 0
  let inode = 0
  let at = 8
  for (; at < target.length; at++) {
    const digit = target.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) break
    inode = inode * 10 + digit
  }
  return target.charCodeAt(at) === 93 && inode <= 0xffffffff ? inode : 0
}

/** What a scan takes from /proc/PID/stat, proc_pid_stat(5). */
export interface ProcessStat {
  pid: number
  name: string
  state: string
  isKernelThread: boolean
}

/** PF_KTHREAD of linux/sched.h: kernel threads have no descriptors, so one that is unreadable hides nothing. */
const PF_KTHREAD = 0x00200000

/**
 * Parses /proc/PID/stat. The name ends at the *last* parenthesis, because it may hold any byte but NUL itself.
 * `null` when the text is not such a line.
 */
export function parseProcessStat(text: string): ProcessStat | null {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open < 1 || close < open) return null
  const fields = text
    .slice(close + 1)
    .trim()
    .split(' ')
  const pid = Number(text.slice(0, open))
  const flags = Number(fields[6])
  if (!Number.isInteger(pid) || !Number.isInteger(flags)) return null
  const name = text.slice(open + 1, close)
  return { pid, name, state: fields[0]!, isKernelThread: (flags & PF_KTHREAD) !== 0 }
}
