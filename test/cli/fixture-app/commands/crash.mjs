import { BaseCommand } from '../../../../dist/cli/base-command.js'

export default class Crash extends BaseCommand {
  async run() {
    await this.parse(Crash)
    setInterval(() => {}, 1000)
    return undefined.property
  }
}
