// netkit trace diff: what differs between two traces that were saved.

import { string } from '@oclif/core/args'
import { BaseCommand } from '../../cli/base-command.js'
import { compareFiles } from '../../cli/trace/baseline.js'

export default class TraceDiff extends BaseCommand<object> {
  static override summary = 'Tell what differs between two traces that --json or --ndjson saved'
  static override description = 'Exit 0 when both took the same path, 1 when they did not, 2 when one cannot be read.'
  static override usage = 'trace diff [FLAGS] OLD NEW'
  static override args = {
    old: string({ description: 'the trace before; - is standard input', required: true }),
    new: string({ description: 'the trace after; - likewise', required: true }),
  }
  static override examples = ['<%= config.bin %> trace diff before.json after.json']

  private lines: readonly string[] = []

  async run(): Promise<object> {
    const { args } = await this.parse(TraceDiff)
    const { diff, lines, isSamePath } = compareFiles(args.old, args.new)
    this.lines = lines
    if (!isSamePath) this.setExit(1)
    return diff
  }

  protected override print(): void {
    for (const line of this.lines) this.out.line(line)
  }
}
