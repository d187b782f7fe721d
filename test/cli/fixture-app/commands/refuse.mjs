import { integer, string } from '@oclif/core/flags'
import { BaseCommand } from '../../../../dist/cli/base-command.js'
import { DecodeError, systemError } from '../../../../dist/errors/index.js'

export default class Refuse extends BaseCommand {
  static flags = { errno: integer({ default: 1 }), file: string(), damaged: string() }

  async run() {
    const { flags } = await this.parse(Refuse)
    if (flags.damaged !== undefined) {
      this.out.line('what could be read')
      throw new DecodeError(`damaged: ${flags.damaged}`, { layer: 'pcap', offset: 24, need: 16, have: 3 })
    }
    if (flags.file !== undefined) (await import('node:fs')).openSync(flags.file)
    throw systemError('raw-socket', -flags.errno, 'open a raw ICMP socket')
  }
}
