// Finds the holders of sockets by reading the links in /proc/PID/fd.

import fs from 'node:fs'
import type { ProcessScan, ProcessScanOptions } from '../ports/proc.js'
import { HolderTable, type InodeTest, parseProcessStat, parseSocketLink } from '../sockets/processes.js'
import { errorCode } from './errno.js'
import { JOB_DENIED, JOB_SPARSE, LinkJobs } from './process-scan-jobs.js'

/** Descriptor tables from this size on are read by number in parallel jobs, which spares listing the directory. */
const LARGE_TABLE = 512

/** Closed numbers in a row behind a large table that end the search for more. */
const TAIL = 16
/** Closed numbers to try before the directory is listed instead. */
const PROBE_LIMIT = 512

/** One descriptor table to read. */
interface Target {
  pid: number
  tid: number | null
  /** /proc/PID or /proc/PID/task/TID */
  directory: string
  /** Descriptors open when the scan began. */
  open: number
  /** Index in the holder table, made when the first wanted socket is met. */
  owner: number
}

/** Reads the processes' descriptors and records who holds the wanted sockets. Never throws for a process. */
export function scanProcesses(wanted: InodeTest | 'all', options: ProcessScanOptions = {}): ProcessScan {
  // Most sockets have one holder.
  const holders = new HolderTable(wanted === 'all' ? 64 : Math.min(wanted.size, 1_000_000))
  if (wanted !== 'all' && wanted.size === 0) {
    return { holders, scanned: 0, unreadable: 0, hidepid: false, complete: true }
  }
  return new Scan(wanted, options, holders).run()
}

class Scan {
  private readonly root: string
  private readonly refused = new Set<number>()
  private readonly read = new Set<number>()
  private readonly wanted: InodeTest | 'all'
  private readonly options: ProcessScanOptions
  private readonly holders: HolderTable

  constructor(wanted: InodeTest | 'all', options: ProcessScanOptions, holders: HolderTable) {
    this.wanted = wanted
    this.options = options
    this.holders = holders
    this.root = options.procRoot ?? '/proc'
  }

  run(): ProcessScan {
    const pids = this.options.pids ?? listNumbers(this.root)
    const small: Target[] = []
    const large: Target[] = []
    let open = 0
    for (const target of this.targets(pids)) {
      if (target.open < LARGE_TABLE) small.push(target)
      else if (this.mayRead(target)) {
        large.push(target)
        open += target.open
      }
    }
    // The workers start while the small tables are read.
    const jobs = new LinkJobs(large, open, this.options.workers)
    let stopped = this.readSmall(small)
    if (stopped) jobs.stop()
    else {
      jobs.run()
      stopped = this.harvest(large, jobs)
    }
    const hidepid = this.root === '/proc' && hasHidepid()
    const unreadable = [...this.refused].filter(pid => !this.isKernelThread(pid)).length
    const complete = unreadable === 0 && !stopped && !hidepid && this.options.pids === undefined
    return { holders: this.holders, scanned: this.read.size, unreadable, hidepid, complete }
  }

  private *targets(pids: readonly number[]): Generator<Target> {
    for (const pid of pids) {
      const directory = `${this.root}/${pid}`
      const target = openTarget(pid, null, directory)
      if (target === null) continue
      yield target
      if (!this.options.threads) continue
      for (const tid of listNumbers(`${directory}/task`)) {
        if (tid === pid) continue
        const thread = openTarget(pid, tid, `${directory}/task/${tid}`)
        if (thread !== null) yield thread
      }
    }
  }

  /** Returns true when everything wanted was found and the rest may be left out. */
  private readSmall(targets: readonly Target[]): boolean {
    for (const target of targets) {
      this.readListed(target, () => true)
      if (this.allFound()) return true
    }
    return false
  }

  /** Takes what the jobs found; a table whose numbers had gaps is listed for what lies beyond. */
  private harvest(targets: readonly Target[], jobs: LinkJobs): boolean {
    for (let index = 0; index < targets.length; index++) {
      const target = targets[index]!
      let missing = Math.max(0, tableSize(target.directory) - target.open)
      const sparse: number[] = []
      for (const job of jobs.of(index)) {
        missing += job.misses
        if (job.status === JOB_SPARSE) sparse.push(job.from)
        else if (job.status === JOB_DENIED) this.refused.add(target.pid)
        else for (let fd = job.from; fd < job.to; fd++) this.found(target, jobs.inode(job, fd), fd)
      }
      this.read.add(target.pid)
      if (sparse.length > 0 || !this.readBeyond(target, missing)) {
        this.readListed(target, fd => fd >= target.open || sparse.includes(jobs.startOf(fd)))
      }
      if (this.allFound()) return true
    }
    return false
  }

  /**
   * Reads on behind the numbers that jobs covered, for the `missing` descriptors that gaps pushed there, and a little further
   * for those that a table in motion hides. False when listing the directory is the surer way.
   */
  private readBeyond(target: Target, missing: number): boolean {
    const prefix = `${target.directory}/fd/`
    let failures = 0
    let wanting = missing
    for (let fd = target.open, gap = 0; wanting > 0 || gap < TAIL; fd++) {
      // lstat tells whether the number is open without the cost of an exception, and does not touch the file behind it.
      if (isOpen(prefix + fd)) {
        try {
          this.found(target, readSocketLink(prefix + fd), fd)
        } catch (error) {
          this.note(target, error)
          return true
        }
        wanting--
        gap = 0
      } else {
        gap++
        if (++failures > PROBE_LIMIT) return false
      }
    }
    return true
  }

  private readListed(target: Target, select: (fd: number) => boolean): void {
    const prefix = `${target.directory}/fd/`
    try {
      for (const entry of fs.readdirSync(prefix)) {
        const fd = Number(entry)
        if (!select(fd)) continue
        this.found(target, readSocketLink(prefix + entry), fd)
      }
      this.read.add(target.pid)
    } catch (error) {
      this.note(target, error)
    }
  }

  private found(target: Target, inode: number, fd: number): void {
    if (inode === 0 || (this.wanted !== 'all' && !this.wanted.has(inode))) return
    if (target.owner < 0) {
      const name = readName(target.directory)
      // Gone already, and its descriptors with it.
      if (name === null) return
      target.owner = this.holders.addProcess({ pid: target.pid, tid: target.tid, name })
    }
    this.holders.add(inode, target.owner, fd)
  }

  private allFound(): boolean {
    if (this.options.until !== 'all-found' || this.wanted === 'all') return false
    return this.holders.sockets >= this.wanted.size
  }

  private mayRead(target: Target): boolean {
    try {
      fs.closeSync(fs.openSync(`${target.directory}/fd`, 'r'))
      return true
    } catch (error) {
      this.note(target, error)
      return false
    }
  }

  /** A process that went away meanwhile (ENOENT, ESRCH) is not an unreadable one. */
  private note(target: Target, error: unknown): void {
    const code = errorCode(error)
    if (code !== 'ENOENT' && code !== 'ESRCH') this.refused.add(target.pid)
  }

  private isKernelThread(pid: number): boolean {
    try {
      return parseProcessStat(fs.readFileSync(`${this.root}/${pid}/stat`, 'utf8'))?.isKernelThread ?? false
    } catch {
      return false
    }
  }
}

function isOpen(path: string): boolean {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch {
    return false
  }
}

function openTarget(pid: number, tid: number | null, directory: string): Target | null {
  const open = tableSize(directory)
  return open < 0 ? null : { pid, tid, directory, open, owner: -1 }
}

/** Number of open descriptors: the size of the fd directory since Linux 6.2, 0 before; -1 when the process is gone. */
function tableSize(directory: string): number {
  try {
    return fs.statSync(`${directory}/fd`, { throwIfNoEntry: false })?.size ?? -1
  } catch {
    // ESRCH of a process that is just going, or EACCES: reading it will tell.
    return 0
  }
}

/** Inode of the socket behind a descriptor; 0 for other files, and for a descriptor closed meanwhile. */
function readSocketLink(path: string): number {
  // readlink and not stat: stat of a descriptor on a dead NFS or FUSE mount would hang the scan.
  try {
    return parseSocketLink(fs.readlinkSync(path))
  } catch (error) {
    const code = errorCode(error)
    if (code === 'EACCES' || code === 'EPERM') throw error
    return 0
  }
}

/** comm without the newline that the kernel adds; the name itself may hold one. Null when the process is gone. */
function readName(directory: string): string | null {
  try {
    const text = fs.readFileSync(`${directory}/comm`, 'utf8')
    return text.endsWith('\n') ? text.slice(0, -1) : text
  } catch {
    return null
  }
}

/** The numeric entries of a directory, ascending. */
function listNumbers(directory: string): number[] {
  try {
    const numbers: number[] = []
    for (const entry of fs.readdirSync(directory)) if (/^\d+$/.test(entry)) numbers.push(Number(entry))
    return numbers
  } catch {
    return []
  }
}

function hasHidepid(): boolean {
  if (process.geteuid?.() === 0) return false
  try {
    const mounts = fs.readFileSync('/proc/self/mountinfo', 'utf8')
    return / \/proc [^\n]* - proc [^\n]*hidepid=(1|2|4|noaccess|invisible|ptraceable)/.test(mounts)
  } catch {
    return false
  }
}
