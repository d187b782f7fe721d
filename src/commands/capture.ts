// netkit capture: what happens on the connections of an interface, as it happens.

import { BaseCommand, wordsInOrder } from '../cli/base-command.js'
import { captureFlags } from '../cli/capture/flags.js'
import { captureHabits } from '../cli/capture/habits.js'
import { runCapture } from '../cli/capture/run.js'

export default class Capture extends BaseCommand<unknown> {
  static override summary = 'Tell what happens on the connections of an interface, as it happens'
  static override description =
    "FILTER is in tcpdump's language (man pcap-filter) and needs libpcap. Prints events of flows as they happen (opened, established, " +
    'refused, reset, closed, the first retransmission of an end ...) and, at Ctrl-C or when it ends, what `netkit decode` prints of a ' +
    'file, and what the kernel dropped. Addresses and ports are numbers; times are of this host. Exit 0 when it captured, 2 for bad usage, a ' +
    'wrong filter or no such interface, 3 without permission (CAP_NET_RAW), 4 for what the system cannot do.'
  static override usage = 'capture [FLAGS] [FILTER...]'
  static override strict = false
  static override flags = captureFlags
  static override habits = captureHabits
  static override examples = [
    '<%= config.bin %> capture -i eth0 tcp port 443',
    "<%= config.bin %> capture 'tcp[tcpflags] & (tcp-syn|tcp-rst) != 0'",
    '<%= config.bin %> capture -i eth0 -w day.pcapng --rotate-seconds 1h --keep 24 --quiet',
    '<%= config.bin %> capture -i any --duration 10 --json port 53',
  ]

  protected override readonly writesItself = true

  async run(): Promise<unknown> {
    const parsed = await this.parse(Capture)
    return runCapture(parsed.flags, wordsInOrder(parsed), {
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
