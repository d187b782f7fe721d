// The lab's programs in C++, compiled when they are needed.

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const compiled = new Map<string, Promise<string>>()

/** Compiles `NAME.cc` of this directory, once a process, into a directory that goes with the process. Needs g++. */
export function compileProgram(name: string): Promise<string> {
  const known = compiled.get(name)
  if (known) return known
  const compiling = (async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nk-tun-'))
    process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
    const program = join(directory, name)
    const source = fileURLToPath(new URL(`${name}.cc`, import.meta.url))
    await run(process.env['CXX'] ?? 'g++', ['-std=c++20', '-O2', '-Wall', '-Wextra', '-Werror', '-o', program, source])
    return program
  })()
  compiled.set(name, compiling)
  return compiling
}
