// Splits large descriptor tables into jobs for this thread and workers. The kernel walk costs 1.5 us a descriptor and
// scales with processors, so two threads halve it.

import fs from 'node:fs'
import os from 'node:os'
import { SHARE_ENV, Worker } from 'node:worker_threads'

const JOB_OPEN = 0
// 1 is a job that was done.
/** Too many numbers in the range were not open: listing the directory is cheaper. */
export const JOB_SPARSE = 2
/** The kernel refused to show a link. */
export const JOB_DENIED = 3
const JOB_TAKEN = 4

/** Descriptors in a job: about 4 ms of work, so that threads finish close together. */
const JOB_SIZE = 2048
/** A failed readlink costs as much as four good ones; beyond this many in a job, list instead. */
const MISS_LIMIT = 64
/** A worker takes 20 ms to start: worth it from this many descriptors on. */
const WORKER_FROM = 20_000
const MAX_WORKERS = 3
/** How long to wait for a job that a worker has taken before doing it again: it may wait for a processor itself. */
const WORKER_PATIENCE_MS = 6

/** Fields of a job in `jobs`. */
const FIELDS = 4

/** One range of descriptors of one table, and how reading it went. */
export interface LinkJob {
  from: number
  to: number
  status: number
  misses: number
  /** Where in the results the inode of `from` is. */
  offset: number
}

/**
 * Reads the links of one job and returns its status, a JOB_ number. It must stay self-contained, without nested functions or
 * imports: workers get its source text, which is what makes it work from a one-file bundle as well.
 */
function readLinks(
  readlink: (path: string) => string,
  directories: string[],
  jobs: Int32Array,
  misses: Int32Array,
  inodes: Uint32Array,
  job: number,
  missLimit: number,
): number {
  const prefix = directories[jobs[job * 4]!]!
  const from = jobs[job * 4 + 1]!
  const to = jobs[job * 4 + 2]!
  const offset = jobs[job * 4 + 3]! - from
  let missed = 0
  for (let fd = from; fd < to; fd++) {
    let target = ''
    try {
      target = readlink(prefix + fd)
    } catch (error) {
      const code = (error as { code?: string }).code
      if (code === 'EACCES' || code === 'EPERM') return 3
      missed++
      if (missed > missLimit) return 2
    }
    // 'socket:[' by its first letter: other targets start with '/', 'pipe:' or 'anon_inode:'.
    let inode = 0
    if (target.charCodeAt(0) === 115 && target.startsWith('socket:[')) {
      for (let at = 8; at < target.length - 1; at++) inode = inode * 10 + target.charCodeAt(at) - 48
    }
    inodes[offset + fd] = inode
  }
  misses[job] = missed
  return 1
}

/** Jobs of a scan, shared with the workers that help. */
export class LinkJobs {
  private readonly directories: string[]
  private readonly jobs: Int32Array<SharedArrayBuffer>
  private readonly misses: Int32Array<SharedArrayBuffer>
  private readonly status: Int32Array<SharedArrayBuffer>
  private readonly inodes: Uint32Array<SharedArrayBuffer>
  private readonly firstJob: number[] = []

  /** `tables` with how many descriptors each has, `open` in all; `workers` overrides how many threads help. */
  constructor(tables: readonly { directory: string; open: number }[], open: number, workers?: number) {
    this.directories = tables.map(table => `${table.directory}/fd/`)
    const count = tables.reduce((sum, table) => sum + Math.ceil(table.open / JOB_SIZE), 0)
    this.jobs = new Int32Array(new SharedArrayBuffer(count * FIELDS * 4))
    this.misses = new Int32Array(new SharedArrayBuffer(count * 4))
    this.status = new Int32Array(new SharedArrayBuffer(count * 4))
    this.inodes = new Uint32Array(new SharedArrayBuffer(open * 4))
    let job = 0
    let offset = 0
    for (let table = 0; table < tables.length; table++) {
      this.firstJob.push(job)
      for (let from = 0; from < tables[table]!.open; from += JOB_SIZE) {
        const to = Math.min(from + JOB_SIZE, tables[table]!.open)
        this.jobs.set([table, from, to, offset], job++ * FIELDS)
        offset += to - from
      }
    }
    this.firstJob.push(job)
    const helpers = workers ?? (open >= WORKER_FROM ? idleProcessors() : 0)
    for (let i = 1; i <= helpers && count > 1; i++) this.startWorker(Math.floor((count * i) / (helpers + 1)))
  }

  /** Works until no job is left, then waits for those that workers have taken. */
  run(): void {
    for (let job = 0; job < this.status.length; job++) {
      if (Atomics.compareExchange(this.status, job, JOB_OPEN, JOB_TAKEN) === JOB_OPEN) this.do(job)
    }
    for (let job = 0; job < this.status.length; job++) {
      // A worker that died has no way to say so while this thread blocks; the job can be done twice.
      if (Atomics.wait(this.status, job, JOB_TAKEN, WORKER_PATIENCE_MS) === 'timed-out') this.do(job)
    }
  }

  /** Leaves the remaining jobs undone. */
  stop(): void {
    for (let job = 0; job < this.status.length; job++) Atomics.compareExchange(this.status, job, JOB_OPEN, JOB_TAKEN)
  }

  /** The jobs of table number `table`. */
  *of(table: number): Generator<LinkJob> {
    for (let job = this.firstJob[table]!; job < this.firstJob[table + 1]!; job++) {
      const [from, to, offset] = this.jobs.subarray(job * FIELDS + 1, job * FIELDS + 4) as unknown as number[]
      yield { from: from!, to: to!, offset: offset!, status: this.status[job]!, misses: this.misses[job]! }
    }
  }

  /** What a job found: an inode, or 0. */
  inode(job: LinkJob, fd: number): number {
    return this.inodes[job.offset + fd - job.from]!
  }

  /** First descriptor of the job that a descriptor belongs to. */
  startOf(fd: number): number {
    return fd - (fd % JOB_SIZE)
  }

  private do(job: number): void {
    const { directories, jobs, misses, inodes } = this
    Atomics.store(this.status, job, readLinks(fs.readlinkSync, directories, jobs, misses, inodes, job, MISS_LIMIT))
  }

  /** Each thread begins elsewhere: two in the same directory would wait for each other in the kernel. */
  private startWorker(first: number): void {
    const { directories, jobs, misses, status, inodes } = this
    try {
      const worker = new Worker(WORKER_SOURCE, {
        eval: true,
        workerData: { directories, jobs, misses, status, inodes, first, missLimit: MISS_LIMIT },
        // Nothing of this process's loaders or environment is needed, and copying them takes time.
        env: SHARE_ENV,
        execArgv: [],
        resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
      })
      // Without a helper the work is merely slower, so its failure to start is no error.
      worker.on('error', () => {})
      worker.unref()
    } catch {
      // As above.
    }
  }
}

/** How many threads would find a free processor now. On a busy machine a worker costs more than it brings. */
function idleProcessors(): number {
  const processors = os.availableParallelism()
  let running = 1
  try {
    // `0.20 0.18 0.12 2/130 1234`: the fourth field counts the threads that run or want to, this one included.
    running = Number.parseInt(fs.readFileSync('/proc/loadavg', 'latin1').split(' ')[3] ?? '1', 10)
  } catch {
    // Without it, assume that nobody else is at work.
  }
  return Math.max(0, Math.min(MAX_WORKERS, processors - running))
}

const WORKER_SOURCE = `'use strict'
const { workerData: data } = require('node:worker_threads')
const { readlinkSync } = require('node:fs')
const readLinks = ${readLinks.toString()}
const { directories, jobs, misses, status, inodes, first, missLimit } = data
for (let i = 0; i < status.length; i++) {
  const job = (first + i) % status.length
  if (Atomics.compareExchange(status, job, ${JOB_OPEN}, ${JOB_TAKEN}) !== ${JOB_OPEN}) continue
  const result = readLinks(readlinkSync, directories, jobs, misses, inodes, job, missLimit)
  Atomics.store(status, job, result)
  Atomics.notify(status, job)
}`
