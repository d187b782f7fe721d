import { Args } from '@oclif/core'
import { boolean, string } from '@oclif/core/flags'
import { BaseCommand, wordsInOrder } from '../../../../dist/cli/base-command.js'
import { UsageError } from '../../../../dist/errors/index.js'

export default class Words extends BaseCommand {
  static strict = false
  static args = { first: Args.string() }
  static flags = {
    all: boolean({ char: 'a' }),
    numeric: boolean({ char: 'n' }),
    state: string({ multiple: true, delimiter: ',' }),
    kind: string({ options: ['raw', 'icmp'] }),
    checked: string({
      parse: async text => {
        throw new UsageError(`there is no state ${text}`, { code: 'unknown-state', hints: ['did you mean listening?'] })
      },
    }),
  }

  async run() {
    const parsed = await this.parse(Words)
    return {
      words: wordsInOrder(parsed),
      state: parsed.flags.state ?? null,
      kind: parsed.flags.kind ?? null,
      color: this.color,
    }
  }

  print(result) {
    this.out.line(JSON.stringify(result))
  }
}
