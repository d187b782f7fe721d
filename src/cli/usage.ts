// oclif's parser errors as one-sentence usage errors: oclif's own text is many lines, and its class hierarchy is not exported whole.

import { NetkitError, UsageError } from '../errors/index.js'
import { suggest } from './suggest.js'

interface FlagLike {
  name?: string
  char?: string
  aliases?: readonly string[]
  hidden?: boolean
}

/** The parts of oclif's parser errors that are read here. */
interface ParserError extends Error {
  flags?: string[]
  args?: unknown
  oclif?: { exit?: number }
}

export interface UsageContext {
  commandId: string
  argv: readonly string[]
  flags: Readonly<Record<string, FlagLike>>
  /** What to type instead, by letter that a peer has and the command has not. */
  habits?: Readonly<Record<string, string>>
}

/** oclif wraps what a flag's own parser throws in these words. */
const FLAG_PARSER = /^Parsing (--\S+) \n\t([\s\S]*)\nSee more help with --help$/

/** oclif shows the value that a flag was parsed to, which nobody typed. */
const EXCLUSIVE = /--([\w-]+)(?:=.*)? cannot also be provided when using --([\w-]+)/

/** The usage error for what oclif's parser threw; anything that is not its doing comes back unchanged. */
export function fromParserError(error: unknown, context: UsageContext): unknown {
  if (!(error instanceof Error)) return error
  const { flags, args, oclif } = error as ParserError
  const help = `see netkit ${context.commandId} --help`
  const [, flagName, reason] = FLAG_PARSER.exec(error.message) ?? []
  if (error instanceof NetkitError) {
    // Thrown by a flag's own parser: oclif has rewritten the message of the very object.
    if (reason !== undefined) error.message = reason
    return error
  }
  if (oclif?.exit !== 2 && reason === undefined) return error
  if (error.constructor.name === 'NonExistentFlagsError' && flags?.[0] !== undefined)
    return unknownFlag(flags[0], context)
  if (error.constructor.name === 'RequiredArgsError' && Array.isArray(args)) {
    const names = args.map(arg => String(arg.name).toUpperCase()).join(' ')
    return new UsageError(`netkit ${context.commandId} needs ${names}`, { hints: [help], cause: error })
  }
  if (error.constructor.name === 'UnexpectedArgsError' && Array.isArray(args)) {
    return new UsageError(`netkit ${context.commandId} takes no such word: ${args.join(' ')}`, { hints: [help] })
  }
  const [, one, other] = EXCLUSIVE.exec(error.message) ?? []
  if (one !== undefined)
    return new UsageError(`--${other} and --${one} do not go together`, { hints: ['leave one of them out'] })
  const sentence = oneSentence(reason ?? error.message)
  return new UsageError(flagName === undefined ? sentence : `${flagName}: ${sentence}`, { hints: [help] })
}

/** oclif's words on one line, without its heading and its advice. */
function oneSentence(text: string): string {
  const lines = text
    .replace(/\nSee more help with --help$/, '')
    .replace(/^The following errors? occurred:\s*/, '')
    .split('\n')
  const sentence = lines
    .map(line => line.trim())
    .filter(Boolean)
    .join('; ')
  return /^(Flag|Missing|Expected|Only|All|One|Exactly|At|Invalid)\b/.test(sentence)
    ? sentence[0]!.toLowerCase() + sentence.slice(1)
    : sentence
}

/** oclif reports the rest of a bundle (`-ope` for `-nope`); this names the letter, and the bundle as it was typed. */
function unknownFlag(rest: string, { commandId, argv, flags, habits = {} }: UsageContext): UsageError {
  const names = Object.entries(flags)
    .filter(([, flag]) => !flag.hidden)
    .flatMap(([name, flag]) => [name, ...(flag.aliases ?? [])])
  const long = rest.startsWith('--')
  const typed = long ? rest : (argv.find(word => /^-[^-]/.test(word) && word.endsWith(rest.slice(1))) ?? rest)
  const wanted = typed.replace(/^-+/, '').replace(/=.*$/s, '')
  const near = wanted.length > 1 ? suggest(wanted, names) : undefined
  const letter = long ? undefined : otherCase(rest[1] ?? '', flags)
  const shown = long ? `--${wanted}` : rest.slice(0, 2)
  const inBundle = !long && typed !== shown ? ` in ${typed}` : ''
  const habit = long ? undefined : habits[rest[1] ?? '']
  if (habit !== undefined)
    return new UsageError(`netkit ${commandId} has no option ${shown}${inBundle}`, { hints: [habit] })
  return new UsageError(`netkit ${commandId} has no option ${shown}${inBundle}`, {
    hints: [
      ...(near === undefined ? [] : [`did you mean --${near}?`]),
      ...(letter === undefined ? [] : [letter]),
      `see netkit ${commandId} --help`,
    ],
  })
}

/** `-p 80` where it is `-P`, as among peers that have both. */
function otherCase(letter: string, flags: UsageContext['flags']): string | undefined {
  const other = letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase()
  if (other === letter) return undefined
  const name = Object.keys(flags).find(each => flags[each]!.char === other && !flags[each]!.hidden)
  return name === undefined ? undefined : `did you mean -${other}, --${name}?`
}
