import { BaseCommand } from '../../../../dist/cli/base-command.js'

export default class Wait extends BaseCommand {
  async run() {
    await this.parse(Wait)
    await new Promise(resolve => {
      const timer = setInterval(() => {}, 1000)
      this.onInterrupt(signal => {
        clearInterval(timer)
        this.out.line(`known so far, until ${signal}`)
        resolve()
      })
      this.out.line('waiting')
      this.out.flush()
    })
    this.setExit(1)
  }
}
