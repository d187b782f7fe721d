// What stdout is: a terminal or not, how wide, and whether colour is wanted.

import { fstatSync } from 'node:fs'
import { isatty } from 'node:tty'

/** Major number of memory devices such as /dev/null (Documentation/admin-guide/devices.txt). */
const MEM_MAJOR = 1

/** True when `fd` is a terminal. Asks fstat first: node:tty pulls in the stream and net modules, 2 ms of start-up. */
export function isTerminal(fd: number): boolean {
  try {
    const stat = fstatSync(fd)
    return stat.isCharacterDevice() && stat.rdev >> 8 !== MEM_MAJOR && isatty(fd)
  } catch {
    return false
  }
}

/** How wide text on stdout may be; null where that is no terminal. A terminal without a size (a serial line) says 0. */
export function terminalColumns(): number | null {
  return isTerminal(1) ? process.stdout.columns || 80 : null
}

/** Whether to colour: `--no-color`, then NO_COLOR (no-color.org), then FORCE_COLOR, then a terminal that is not dumb. */
export function wantsColor(noColorFlag: boolean, env: NodeJS.ProcessEnv, terminal: () => boolean): boolean {
  if (noColorFlag || env['NO_COLOR']) return false
  const force = env['FORCE_COLOR']
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false'
  return env['TERM'] !== 'dumb' && terminal()
}
