// netkit ping: whether hosts answer, how fast, and who says otherwise.

import { BaseCommand, wordsInOrder } from '../cli/base-command.js'
import { pingFlags } from '../cli/ping/flags.js'
import { runPing } from '../cli/ping/run.js'

export default class Ping extends BaseCommand<unknown> {
  static override summary = 'Send echo requests, or TCP or UDP probes, and measure the answers'
  static override description =
    "Times are from a stamp right before the send to the kernel's receive stamp. One target reads as in ping(8); several are " +
    'probed in turn, with a line for each. rtt: min/avg/max, mdev = sqrt(mean of squares - square of mean), stddev = sample deviation ' +
    '(n-1), p50 p90 p95 p99 by nearest rank; jitter = mean |difference| of consecutive sequence numbers, and RFC 3550 (J += (|D| - J)/16); ' +
    'Late, duplicate and corrupted answers are in none of these. Loss = (sent - received - in flight) / (sent - in flight); a late answer is not received, a corrupted one is. ' +
    'Exit 0 when all targets answered, 1 when one did not (or fewer than -c within -w, or a --fail-if limit was exceeded), 2 for bad ' +
    'usage, a name without address or no route, 3 when a permission is missing.'
  static override usage = 'ping [FLAGS] TARGET...'
  static override strict = false
  static override flags = pingFlags
  static override examples = [
    '<%= config.bin %> ping -c 3 example.net',
    '<%= config.bin %> ping -i 0.2 --graph 192.0.2.1 192.0.2.2',
    '<%= config.bin %> ping --alive 192.0.2.0/24',
    '<%= config.bin %> ping --tcp 443 -c 5 example.net',
    '<%= config.bin %> ping --mtu example.net',
    "<%= config.bin %> ping -c 20 -i 0.1 --fail-if 'loss>5,p95>20ms' example.net",
  ]

  protected override readonly writesItself = true

  async run(): Promise<unknown> {
    const parsed = await this.parse(Ping)
    return runPing(parsed.flags, wordsInOrder(parsed), {
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
