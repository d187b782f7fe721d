// The base of every command: oclif's parser and help, with netkit's own errors, exit codes and output.

import { Command } from '@oclif/core/command'
import { Config } from '@oclif/core/config'
import { boolean } from '@oclif/core/flags'
import type { Input, LoadOptions, OutputArgs, OutputFlags, ParserOutput } from '@oclif/core/interfaces'
import type { ExitCode } from '../errors/index.js'
import { type Format, reportFailure } from './failure.js'
import { type Interrupt, onInterrupt } from './interrupts.js'
import { Output } from './output.js'
import { isTerminal, wantsColor } from './terminal.js'
import { fromParserError } from './usage.js'

/** `--ndjson`, for commands whose results come over time or are many: declare it as `ndjson` among the flags. */
export const ndjsonFlag = boolean({
  description: 'print one JSON object a line',
  exclusive: ['json'],
  helpGroup: 'GLOBAL',
})

/** An interrupted program has its say out unless the reader takes nothing of it for so long. */
const LAST_WORDS_MS = 1000

/**
 * A command computes in `run()`, which returns plain data, and shows it in `print()`. Under `--json` the data is printed as one
 * document and under `--ndjson` as the lines of `items()`, and `print()` is not called.
 */
export abstract class BaseCommand<Result> extends Command {
  static override baseFlags = {
    json: boolean({ description: 'print one JSON document', helpGroup: 'GLOBAL' }),
    'no-color': boolean({ description: 'print without colour, as with NO_COLOR', helpGroup: 'GLOBAL' }),
  }

  /** Letters of peers that the command does not have, and what to type instead. */
  static habits: Readonly<Record<string, string>> = {}

  /** Results go here and nowhere else. */
  protected readonly out = new Output(1)
  /** Progress and notes go here. */
  protected readonly err = new Output(2)

  private interruptedBy: Interrupt | null = null

  /** Skips the second `Config.load` of oclif's own `run` (5 ms), and never throws: a failure is printed and sets the exit code. */
  static override async run<T extends Command>(
    this: new (
      argv: string[],
      config: Config,
    ) => T,
    argv: string[] = process.argv.slice(2),
    options?: LoadOptions,
  ): Promise<ReturnType<T['run']>> {
    const config = options instanceof Config ? options : await Config.load(options)
    const command: Command = new this(argv, config)
    return (await (command as BaseCommand<unknown>).execute()) as ReturnType<T['run']>
  }

  abstract override run(): Promise<Result>

  /** A command whose result is too large to be held prints it in every format by itself as it comes. */
  protected readonly writesItself: boolean = false

  /** Shows the result as text. A command that prints as it goes leaves this as it is. */
  protected print(_result: Result): void | Promise<void> {}

  /** What `--ndjson` prints, one line each: the result itself unless a command knows better. */
  protected items(result: Result): Iterable<unknown> {
    return [result]
  }

  /** The form that was asked for. Looks at the raw words, since it has to be known when parsing them fails. */
  protected get format(): Format {
    return formatOf(this.argv, 'ndjson' in (this.ctor.flags ?? {}))
  }

  /** Whether text on stdout is to be coloured. */
  protected get color(): boolean {
    return wantsColor(optionWords(this.argv).includes('--no-color'), process.env, () => isTerminal(1))
  }

  /** Sets the exit code of a command that worked: 1 when the answer is no. */
  protected setExit(code: ExitCode): void {
    process.exitCode = code
  }

  /**
   * Calls `callback` at the first Ctrl-C, SIGTERM or hangup, so that `run()` can come to an end and print what is known; a second one
   * kills the program. Without a callback each kills it at once, and the shell sees 130 or 143.
   * @returns a function that takes the callback away again
   */
  protected onInterrupt(callback: (signal: Interrupt) => void): () => void {
    return onInterrupt(signal => {
      this.interruptedBy = signal
      callback(signal)
    })
  }

  /**
   * oclif's parser without four of its traps: an absent argument is not read from stdin, a flag that may be repeated does not
   * swallow the words after its value, of one that has a single value the last is taken, as getopt(3) programs do (an alias may
   * have given one before), and errors are sentences.
   */
  protected override async parse<F extends OutputFlags<F>, B extends OutputFlags<B>, A extends OutputArgs<A>>(
    options: Input<F, B, A> = this.ctor as unknown as Input<F, B, A>,
    argv: string[] = this.argv,
  ): Promise<ParserOutput<F, B, A>> {
    const { args = {}, flags = {}, baseFlags = {} } = options
    const mended = {
      ...options,
      args: mapValues(args, arg => ({ ...(arg as object), ignoreStdin: true })),
      flags: mapValues(flags, flag => ({ ...(flag as object), multiple: true, multipleNonGreedy: true })),
      baseFlags,
      strict: options.strict ?? true,
    } as Input<F, B, A>
    try {
      const parsed = await super.parse(mended, argv)
      return { ...parsed, flags: withLastValues(parsed, flags) }
    } catch (error) {
      throw fromParserError(error, {
        commandId: (this.id ?? '').replaceAll(':', ' '),
        argv,
        flags: { ...baseFlags, ...flags },
        habits: (this.ctor as typeof BaseCommand).habits,
      })
    }
  }

  /** oclif's `warn` and the rest ask this. */
  override jsonEnabled(): boolean {
    return this.format !== 'text'
  }

  /** Runs the command and prints what it returned, or why it did not. */
  private async execute(): Promise<Result | undefined> {
    try {
      const result = await this.run()
      if (this.writesItself) this.out.flush()
      else if (this.format === 'json') this.out.json(result)
      else if (this.format === 'ndjson') for (const item of this.items(result)) this.out.jsonLine(item)
      else await this.print(result)
      this.out.flush()
      this.err.flush()
      await this.lastWords()
      return result
    } catch (error) {
      this.flushBeforeFailure()
      reportFailure(error, this.format, this.out, this.err)
      await this.lastWords().catch(() => undefined)
      return undefined
    }
  }

  /**
   * Lets the reader take what is left, and a signal that comes meanwhile wait for that. A reader that pauses does not keep an
   * interrupted program: the signal ends it, as it ends others.
   */
  private async lastWords(): Promise<void> {
    const left = [this.out, this.err].map(output => output.settled()).filter(each => each !== null)
    if (left.length === 0) return
    const interrupted = new Promise<void>(resolve => {
      if (this.interruptedBy === null) this.onInterrupt(() => resolve())
      else resolve()
    })
    await Promise.race([Promise.all(left), interrupted.then(() => this.readerPauses())])
    if (this.out.isBehind || this.err.isBehind) process.kill(process.pid, this.interruptedBy!)
  }

  private async readerPauses(): Promise<void> {
    let before = -1
    while (before !== this.out.restBytes + this.err.restBytes) {
      before = this.out.restBytes + this.err.restBytes
      // What is being written keeps the program, not this.
      await new Promise(resolve => setTimeout(resolve, LAST_WORDS_MS).unref())
    }
  }

  /** What was read before the failure is shown first; when stdout is what failed, there is nobody to show it to. */
  private flushBeforeFailure(): void {
    for (const output of [this.out, this.err]) {
      try {
        output.flush()
      } catch {}
    }
  }
}

/** Words before `--`: those that may be options. */
function optionWords(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--')
  return end === -1 ? argv : argv.slice(0, end)
}

/** The format that `argv` asks for. */
export function formatOf(argv: readonly string[], ndjsonDeclared: boolean): Format {
  const words = optionWords(argv)
  if (words.includes('--json')) return 'json'
  return ndjsonDeclared && words.includes('--ndjson') ? 'ndjson' : 'text'
}

/** The words of a `strict: false` command in the order they were typed; oclif's own `argv` is sorted by first occurrence. */
export function wordsInOrder(parsed: Pick<ParserOutput, 'raw'>): string[] {
  return parsed.raw.filter(token => token.type === 'arg').map(token => token.input)
}

/** What was parsed as if every flag could be repeated: a list of one that cannot be is its last value. */
function withLastValues<Flags>({ flags, raw }: Pick<ParserOutput, 'raw'> & { flags: Flags }, declared: object): Flags {
  const last = { ...flags } as Record<string, unknown>
  const typed = new Set(raw.map(token => (token.type === 'flag' ? token.flag : '')))
  for (const [name, flag] of Object.entries(declared)) {
    const { type, multiple } = flag as { type: string; multiple?: boolean }
    const values = last[name]
    if (type === 'option' && multiple !== true && typed.has(name) && Array.isArray(values)) last[name] = values.at(-1)
  }
  return last as Flags
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}
