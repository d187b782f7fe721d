// Test suites that need a lab. Apart from the rest of the lab, which benchmarks use without a test runner.

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe } from 'vitest'

/** Whether a program is on PATH, or a file (`/dev/net/tun`) is there. */
export const hasTool = (tool: string): boolean =>
  tool.startsWith('/')
    ? existsSync(tool)
    : [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'].some(dir => existsSync(`${dir}/${tool}`))

/** What this machine lacks to build a lab, in words; empty when nothing is missing. */
export function labMissing(tools: readonly string[] = []): string[] {
  const missing: string[] = []
  if (process.getuid?.() !== 0) missing.push('root')
  for (const tool of ['ip', 'python3', 'setpriv', ...tools]) if (!hasTool(tool)) missing.push(tool)
  if (missing.length > 0) return missing
  const probe = `nk-${process.pid}-probe`
  try {
    execFileSync('ip', ['netns', 'add', probe], { stdio: 'pipe' })
    execFileSync('ip', ['netns', 'delete', probe], { stdio: 'pipe' })
  } catch {
    missing.push('the right to create network namespaces (CAP_SYS_ADMIN)')
  }
  return missing
}

/** `describe` for tests that need a lab: skipped, saying what is missing, where the machine cannot build one. */
export function describeLab(title: string, body: () => void, tools: readonly string[] = []): void {
  const missing = labMissing(tools)
  if (missing.length === 0) {
    describe(title, body)
    return
  }
  process.stderr.write(`skipped: ${title}: needs ${missing.join(', ')}\n`)
  describe.skip(`${title} (needs ${missing.join(', ')})`, body)
}
