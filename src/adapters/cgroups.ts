// Control groups by the 64-bit id that sock_diag gives, which is the inode of the group's directory, and back.

import fs from 'node:fs'
import { parseMountinfo } from '../sockets/names.js'

/** Directories to look at before an id is given up: a host has thousands of groups, not millions. */
const WALK_LIMIT = 200_000

/** Finds groups lazily: the tree is walked only as far as the ids asked for need. */
export class CgroupNames {
  private readonly mount: string | null
  private readonly paths = new Map<bigint, string>()
  /** Directories, relative to the mount, whose children were not looked at yet; null before the first look-up. */
  private pending: string[] | null = null
  private next = 0

  /** `mountinfo` as in /proc/self/mountinfo. */
  constructor(mountinfo?: string) {
    this.mount = cgroup2Mount(mountinfo)
  }

  /** Path below the cgroup2 mount, `/` for its root; `unreachable:HEX` for a group that is gone or not visible here. */
  pathOf(id: bigint): string {
    while (!this.paths.has(id) && this.step()) {
      // Each step looks at one directory.
    }
    return this.paths.get(id) ?? `unreachable:${id.toString(16)}`
  }

  /** Id of a group by its path below the mount, or by its full path as ss takes it; null when there is no such group. */
  idOf(path: string): bigint | null {
    if (this.mount === null) return null
    return idAt(path === this.mount || path.startsWith(`${this.mount}/`) ? path : `${this.mount}/${path}`)
  }

  /** False when there is nothing left to look at. */
  private step(): boolean {
    if (this.mount === null) return false
    if (this.pending === null) {
      this.pending = ['']
      const id = idAt(this.mount)
      if (id !== null) this.paths.set(id, '/')
      return true
    }
    // Breadth first: services and containers are near the root.
    const parent = this.pending[this.next++]
    if (parent === undefined || this.next > WALK_LIMIT) return false
    for (const child of childDirectories(this.mount + parent)) {
      const path = `${parent}/${child}`
      const id = idAt(this.mount + path)
      if (id === null) continue
      this.paths.set(id, path)
      this.pending.push(path)
    }
    return true
  }
}

function cgroup2Mount(mountinfo?: string): string | null {
  try {
    const text = mountinfo ?? fs.readFileSync('/proc/self/mountinfo', 'utf8')
    return parseMountinfo(text).find(mount => mount.type === 'cgroup2')?.mountPoint ?? null
  } catch {
    return null
  }
}

function idAt(path: string): bigint | null {
  try {
    const found = fs.statSync(path, { bigint: true })
    return found.isDirectory() ? found.ino : null
  } catch {
    return null
  }
}

function childDirectories(path: string): string[] {
  try {
    return fs
      .readdirSync(path, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => entry.name)
  } catch {
    return []
  }
}
