// What collectors need from /proc and the file system around it: interfaces only.

import type { ProcNetFile } from '../sockets/proc-net.js'
import type { HolderTable, InodeTest } from '../sockets/processes.js'
import type { SocketRecord } from '../sockets/record.js'

/** Why a file or directory could not be used, as the kernel said it. */
export interface ProcError {
  /** errno name, `ENOENT`. */
  code: string
  message: string
}

/** What reading one file of /proc/net gave. `error` is set when it could not be read to the end: not the same as empty. */
export interface ProcNetResult {
  /** Sockets visited. */
  rows: number
  /** Damaged lines passed over. */
  skipped: number
  error: ProcError | null
}

/** Reads the socket tables of one network namespace. */
export interface ProcSocketSource {
  /**
   * Calls `visit` with `record`, refilled, for each socket of the file. Never throws for a missing or damaged file.
   * @param tee gets the lines of the file before they are parsed; borrowed during the call
   */
  read(
    file: ProcNetFile,
    record: SocketRecord,
    visit: (record: SocketRecord) => void,
    tee?: (lines: Uint8Array) => void,
  ): ProcNetResult
}

export interface ProcessScanOptions {
  /** Default `/proc`. */
  procRoot?: string
  /** Also the descriptor tables of threads. Default false. */
  threads?: boolean
  /**
   * `exhausted` (default) reads every process, since any may share a socket by fork or SCM_RIGHTS. `all-found` stops once each
   * wanted socket has one holder: enough to name *an* owner, never to claim that there is no other.
   */
  until?: 'exhausted' | 'all-found'
  /** Only these processes; all when absent. */
  pids?: readonly number[]
  /** Worker threads to split large descriptor tables over; by default as many as processors and work justify. */
  workers?: number
}

export interface ProcessScan {
  holders: HolderTable
  /** Processes whose descriptors were read. */
  scanned: number
  /** Processes that exist but may not be read. Kernel threads, which hold no descriptor, are not counted. */
  unreadable: number
  /** /proc is mounted with hidepid: processes of other users may not even be visible. */
  hidepid: boolean
  /** True when no holder can be missing: every process was visible and read to the end. */
  complete: boolean
}

/** Finds the holders of sockets. `'all'` records every socket descriptor. */
export type ScanProcesses = (wanted: InodeTest | 'all', options?: ProcessScanOptions) => ProcessScan

/** A network namespace that can be opened, or at least read. */
export interface NetworkNamespace {
  /** A name of /run/netns; else `current`; else `NAME/PID` of its oldest visible process; else the path of its mount. */
  label: string
  /** Inode of the namespace, as `net:[N]`; null when the kernel hides it from this user. */
  inode: number | null
  /** A path that setns() accepts; null when there is none that this user may open. */
  path: string | null
  /** A process inside it, so that `/proc/PID/net` shows its tables; null when it has none. */
  pid: number | null
  /** The namespace this process is in. */
  current: boolean
}

export interface NamespaceList {
  namespaces: NetworkNamespace[]
  /** Processes whose namespace could not be told. */
  unreadable: number
}
