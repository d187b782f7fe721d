// The sockets of this process itself, which a look at the system would otherwise find.

import fs from 'node:fs'

const FD_DIRECTORY = '/proc/self/fd'

/** Inodes of the sockets that this process has open now. Empty where /proc is not mounted. */
export function ownSocketInodes(): Set<number> {
  const inodes = new Set<number>()
  let names: string[]
  try {
    names = fs.readdirSync(FD_DIRECTORY)
  } catch {
    return inodes
  }
  for (const name of names) {
    const found = /^socket:\[(\d+)\]$/.exec(linkOf(`${FD_DIRECTORY}/${name}`))
    if (found) inodes.add(Number(found[1]))
  }
  return inodes
}

/** A descriptor may be closed between the two looks: that of the directory itself always is. */
function linkOf(path: string): string {
  try {
    return fs.readlinkSync(path)
  } catch {
    return ''
  }
}
