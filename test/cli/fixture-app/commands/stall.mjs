import { boolean } from '@oclif/core/flags'
import { BaseCommand } from '../../../../dist/cli/base-command.js'

/** Writes more than a pipe holds, at the moment in which a signal has been caught and not been told of; or fails then. */
export default class Stall extends BaseCommand {
  static flags = { fail: boolean() }

  async run() {
    const { flags } = await this.parse(Stall)
    let told = null
    const free = this.onInterrupt(signal => {
      told = signal
    })
    if (!flags.fail) process.kill(process.pid, 'SIGTERM')
    for (let line = 0; line < 30_000; line++) this.out.line(`line ${line}`)
    this.out.flush()
    if (flags.fail) throw new Error('failed')
    while (told === null) await new Promise(resolve => setTimeout(resolve, 1))
    free()
    this.out.line(`told of ${told}`)
  }
}
