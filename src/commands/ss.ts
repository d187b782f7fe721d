// Placeholder of the socket listing.

import { boolean, string } from '@oclif/core/flags'
import { BaseCommand, ndjsonFlag, wordsInOrder } from '../cli/base-command.js'

export default class Ss extends BaseCommand<{ sockets: unknown[]; words: string[] }> {
  static override description = 'list sockets'
  static override strict = false
  static override flags = {
    tcp: boolean({ char: 't', description: 'TCP sockets' }),
    all: boolean({ char: 'a', description: 'listening sockets too' }),
    numeric: boolean({ char: 'n', description: 'ports as numbers' }),
    'no-header': boolean({ char: 'H', description: 'no header line' }),
    state: string({ description: 'only sockets in this state', multiple: true, delimiter: ',' }),
    ndjson: ndjsonFlag,
  }

  async run() {
    const parsed = await this.parse(Ss)
    return { sockets: [], words: wordsInOrder(parsed) }
  }

  protected override print(result: { words: string[] }): void {
    this.out.line(`State ${result.words.join(' ')}`)
  }
}
