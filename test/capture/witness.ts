// Other tools asked about a capture, where they are installed.

import { spawnSync } from 'node:child_process'

/** Lines that a program prints on stdout; null when it is not installed. */
export function linesOf(program: string, ...args: string[]): string[] | null {
  const { error, stdout, status, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8' },
  })
  if (error !== undefined) {
    process.stderr.write(`skipped: ${program} is not installed\n`)
    return null
  }
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`)
  return stdout.trimEnd().split('\n')
}
