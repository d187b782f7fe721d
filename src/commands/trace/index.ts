// netkit trace: the way to a host, hop by hop, and where on it packets are lost.

import { hostname } from 'node:os'
import { BaseCommand, wordsInOrder } from '../../cli/base-command.js'
import { traceParts } from '../../cli/trace/engine.js'
import { traceFlags } from '../../cli/trace/flags.js'
import { runTrace } from '../../cli/trace/run.js'

export default class Trace extends BaseCommand<unknown> {
  static override summary = 'Show the path to a host, hop by hop: live, as a report, or at one look'
  static override description =
    'On a terminal a live view; with -r or -c a report after so many rounds; else, and with --path, one look at the path. All probes ' +
    'of a run take one branch of the path unless --flows asks for more. Loss% is loss on the way to a hop: no more than any hop behind ' +
    'it lost. NoAns are probes that a hop left unanswered while hops behind it answered: a limit on its answers, which slowed probes ' +
    'verify, or a policy. StDev is the sample deviation (n-1), p95 by nearest rank, Jttr the mean |difference| of consecutive answers; ' +
    'probes under way count for nothing. Exit 0 when the target was reached, 1 when not or when a --fail-if limit was exceeded, 2 for ' +
    'bad usage, a name without address or no route, 3 when a permission is missing, 5 for a damaged file.'
  static override usage = 'trace [FLAGS] HOST'
  static override strict = false
  static override flags = traceFlags
  static override examples = [
    '<%= config.bin %> trace example.net',
    '<%= config.bin %> trace -r -c 20 -i 0.2 example.net',
    '<%= config.bin %> trace --tcp --port 443 --path example.net',
    '<%= config.bin %> trace --flows 16 --dot example.net',
    '<%= config.bin %> trace --json example.net > before.json',
    '<%= config.bin %> trace --baseline before.json example.net',
  ]

  protected override readonly writesItself = true

  async run(): Promise<unknown> {
    const parsed = await this.parse(Trace)
    const words = wordsInOrder(parsed)
    // oclif takes it for a command only where it comes before all flags.
    if (words[0] === 'diff') return this.config.runCommand('trace:diff', without(this.argv, 'diff'))
    return runTrace(
      parsed.flags,
      words,
      {
        out: this.out,
        err: this.err,
        format: this.format,
        color: this.color,
        version: this.config.version,
        host: hostname(),
        setExit: code => this.setExit(code),
        onInterrupt: callback => this.onInterrupt(callback),
      },
      traceParts,
    )
  }
}

function without(argv: readonly string[], word: string): string[] {
  const at = argv.indexOf(word)
  return argv.filter((_, index) => index !== at)
}
