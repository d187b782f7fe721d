// Words of a command line as oclif reads them for `netkit trace`, the way the base command has it.

import { Parser } from '@oclif/core'
import { traceFlags } from '../../../src/cli/trace/flags.js'
import type { TraceFlags } from '../../../src/cli/trace/request.js'

const flags = Object.fromEntries(
  Object.entries(traceFlags).map(([name, flag]) => [name, { ...flag, multipleNonGreedy: true }]),
) as unknown as typeof traceFlags

export async function parseWords(line: string): Promise<{ flags: TraceFlags; words: string[] }> {
  const parsed = await Parser.parse(line.split(' ').filter(Boolean), { flags, strict: false })
  return { flags: parsed.flags as TraceFlags, words: parsed.argv as string[] }
}
