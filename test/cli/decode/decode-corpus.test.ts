// Every capture of others through every text view: no byte that a terminal obeys, no line too long, no exit code that is not documented.

import { expect, it } from 'vitest'
import type { Console } from '../../../src/cli/console.js'
import type { DecodeFlags } from '../../../src/cli/decode/request.js'
import { runDecode } from '../../../src/cli/decode/run.js'
import type { Output } from '../../../src/cli/output.js'
import { NetkitError } from '../../../src/errors/index.js'
import { corpusPath, describeCorpus, readTable } from '../../corpus/index.js'

/** C0 but newline, DEL, C1, and marks that reorder text. */
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/
const EXIT_CODES = [0, 4, 5]

class Collected {
  text = ''
  readonly #decoder = new TextDecoder()

  write(chunk: string | Uint8Array): void {
    this.text += typeof chunk === 'string' ? chunk : this.#decoder.decode(chunk)
  }

  line(text: string): void {
    this.write(`${text}\n`)
  }

  jsonLine(value: unknown): void {
    this.line(JSON.stringify(value))
  }

  flush(): void {}

  settled(): null {
    return null
  }
}

async function run(
  file: string,
  flags: DecodeFlags,
  format: Console['format'],
): Promise<{ text: string; told: string; code: number }> {
  const out = new Collected()
  const err = new Collected()
  let code = 0
  const io = {
    out: out as unknown as Output,
    err: err as unknown as Output,
    format,
    color: false,
    version: '0',
    setExit: (exit: number) => {
      code = exit
    },
    onInterrupt: () => () => undefined,
  }
  try {
    await runDecode(flags, file, io)
  } catch (error) {
    if (!(error instanceof NetkitError)) throw error
    code = error.exit
  }
  return { text: out.text, told: err.text, code }
}

describeCorpus('netkit decode and the capture corpus', () => {
  const files = readTable<'file'>('oracle/files.tsv').map(({ file }) => file)

  it('prints summaries, packets and ladders that a terminal may show', { timeout: 120_000 }, async () => {
    const wrong: string[] = []
    for (const file of files) {
      for (const flags of [{ limit: '0' }, { packets: true }, { ladder: true }]) {
        const { text: shown, told, code } = await run(corpusPath(file), flags, 'text')
        const text = shown + told
        if (!EXIT_CODES.includes(code)) wrong.push(`${file}: exit code ${code}`)
        if (OBEYED.test(text)) wrong.push(`${file}: ${JSON.stringify(OBEYED.exec(text)![0])} in ${Object.keys(flags)}`)
        // A path may be longer than a line.
        const long = flags.packets ? undefined : text.split('\n').find(line => line.length > 80 && !line.includes('/'))
        if (long !== undefined) wrong.push(`${file}: ${long}`)
      }
    }
    expect(wrong).toEqual([])
    expect(files.length).toBeGreaterThan(600)
  })

  it('prints of each packet a line of JSON that says what the reader and the tracker say', {
    timeout: 120_000,
  }, async () => {
    for (const file of files) {
      const { text, code } = await run(corpusPath(file), { packets: true }, 'ndjson')
      if (code === 4 || text === '') continue
      const lines = text.trimEnd().split('\n')
      const summary = lines.map(line => JSON.parse(line)).findLast(({ type }) => type === 'summary')
      expect([file, lines.filter(line => line.startsWith('{"type":"packet"')).length]).toEqual([file, summary.packets])
    }
  })
})
