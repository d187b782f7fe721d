// netkit ss: the sockets of this host, from the kernel.

import { BaseCommand, wordsInOrder } from '../cli/base-command.js'
import { socketFlags } from '../cli/ss/flags.js'
import { withWatchInterval } from '../cli/ss/modes.js'
import { runSockets } from '../cli/ss/run.js'

export default class Ss extends BaseCommand<unknown> {
  static override summary = 'List sockets and their states'
  static override description =
    'Sockets come from the kernel through netlink sock_diag, and from procfs where it has no answer. ' +
    "Words after the flags are ss's: state X, exclude X, and a filter such as dport = :443 and not src 127.0.0.0/8."
  static override usage = 'ss [FLAGS] [state STATE]... [exclude STATE]... [FILTER]'
  static override strict = false
  static override flags = socketFlags
  static override examples = [
    '<%= config.bin %> ss --state time-wait',
    '<%= config.bin %> ss -tulpn',
    "<%= config.bin %> ss -tanp state close-wait '( dport = :443 or dport = :8000-8010 )'",
    '<%= config.bin %> ss -ta --count-by state,peer --top 10',
    '<%= config.bin %> ss --netns all -tl --json',
  ]

  protected override readonly writesItself = true

  async run(): Promise<unknown> {
    const parsed = await this.parse(Ss, withWatchInterval(this.argv))
    return runSockets(parsed.flags, wordsInOrder(parsed), {
      out: this.out,
      err: this.err,
      format: this.format,
      color: this.color,
      version: this.config.version,
      setExit: code => this.setExit(code),
      onInterrupt: callback => this.onInterrupt(callback),
    })
  }
}
