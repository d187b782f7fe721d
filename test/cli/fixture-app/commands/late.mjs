import { BaseCommand, ndjsonFlag } from '../../../../dist/cli/base-command.js'

/** Fails in a timer, where nobody waits for it. */
export default class Late extends BaseCommand {
  static flags = { ndjson: ndjsonFlag }

  async run() {
    await this.parse(Late)
    setTimeout(() => undefined.property, 1)
    await new Promise(resolve => setTimeout(resolve, 10_000))
  }
}
