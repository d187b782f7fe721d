// /proc/net/sockstat and sockstat6 of a network namespace.

import fs from 'node:fs'
import { parseSockstat, type Sockstat } from '../sockets/sockstat.js'

export interface SockstatFiles {
  inet: Sockstat
  inet6: Sockstat
}

/**
 * Reads both files of the caller's namespace, or with `pid` of that process's. A file that is not there (a kernel without
 * IPv6, a process that has ended) has no lines: its numbers are unknown.
 */
export function readSockstat(options: { procRoot?: string; pid?: number | null } = {}): SockstatFiles {
  const root = options.procRoot ?? '/proc'
  const directory = options.pid == null ? `${root}/net` : `${root}/${options.pid}/net`
  return { inet: read(`${directory}/sockstat`), inet6: read(`${directory}/sockstat6`) }
}

function read(path: string): Sockstat {
  try {
    return parseSockstat(fs.readFileSync(path, 'utf8'))
  } catch {
    return {}
  }
}
