import { integer } from '@oclif/core/flags'
import { BaseCommand, ndjsonFlag } from '../../../../dist/cli/base-command.js'

function* rows(count) {
  for (let i = 0; i < count; i++) yield { i, filler: 'x'.repeat(80) }
}

export default class Flood extends BaseCommand {
  static flags = { lines: integer({ default: Number.MAX_SAFE_INTEGER }), ndjson: ndjsonFlag }

  async run() {
    const { flags } = await this.parse(Flood)
    return { rows: rows(flags.lines), total: flags.lines }
  }

  print({ rows }) {
    for (const { i, filler } of rows) this.out.line(`${i} ${filler}`)
  }

  items({ rows }) {
    return rows
  }
}
