// netkit decode: what happened on the connections of a capture, and who did it.

import { string } from '@oclif/core/args'
import { BaseCommand } from '../cli/base-command.js'
import { decodeFlags } from '../cli/decode/flags.js'
import { runDecode } from '../cli/decode/run.js'

export default class Decode extends BaseCommand<unknown> {
  static override summary = 'Tell what happened on the connections of a capture'
  static override description =
    'Reads pcap and pcapng, plain or compressed with gzip or zstd, from a file, a FIFO or standard input. Prints a summary and the ' +
    'flows, the newest trouble first. Exit 0 when all was read, 2 for bad usage or no such file, 3 without permission, 4 for what is ' +
    'not supported, 5 for a damaged file, of which what precedes the damage is shown.'
  static override usage = 'decode [FLAGS] FILE'
  static override args = {
    file: string({ description: 'the capture; - is standard input', required: true }),
  }
  static override flags = decodeFlags
  static override examples = [
    '<%= config.bin %> decode capture.pcap',
    'zcat old.pcap.gz | <%= config.bin %> decode - --json',
  ]

  protected override readonly writesItself = true

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Decode)
    return runDecode(flags, args.file, {
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
