// Runs one command line through oclif, and reports what fails outside a command the way commands report it.

import { Config } from '@oclif/core/config'
import type { LoadOptions } from '@oclif/core/interfaces'
import { run } from '@oclif/core/run'
import { UsageError } from '../errors/index.js'
import { formatOf } from './base-command.js'
import { reportFailure } from './failure.js'
import { suggest } from './suggest.js'

/** `netkit help ss` means `netkit ss --help`. */
function withHelpWord(argv: readonly string[]): string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv]
}

/** oclif throws the same class for every failure of its own; for an unknown command the words are all there is. */
async function explain(error: unknown, argv: readonly string[], options: LoadOptions): Promise<unknown> {
  const [word] = argv
  // Words up to the first flag may be of its name, as with `trace diff`; oclif joins them by colons.
  const isUnknown = error instanceof Error && /^command .* not found$/s.test(error.message)
  if (word === undefined || !isUnknown || !error.message.startsWith(`command ${word}`)) return error
  const { commands } = await Config.load(options)
  const near = suggest(
    word,
    commands.map(command => command.id.replaceAll(':', ' ')),
  )
  const hints = [...(near === undefined ? [] : [`did you mean netkit ${near}?`]), 'see netkit --help']
  return new UsageError(word.startsWith('-') ? `there is no option ${word}` : `there is no command ${word}`, { hints })
}

/** Runs `netkit ARGV`. Results are printed and `process.exitCode` is set; nothing is thrown. */
export async function main(argv: readonly string[], options: LoadOptions): Promise<void> {
  const words = withHelpWord(argv)
  // oclif would look for a theme file in the home directory at every start.
  process.env['NETKIT_DISABLE_THEME'] = '1'
  // The last resort, for what is thrown where no command waits for it: in a timer, at a key, at an event.
  process.once('uncaughtException', error => {
    reportFailure(error, formatOf(words, true))
    process.exit()
  })
  try {
    await run(words, options)
  } catch (error) {
    reportFailure(await explain(error, words, options), formatOf(words, true))
  }
  // A failed command may have left sockets or timers behind that would keep the process alive.
  if (process.exitCode) process.exit()
}
