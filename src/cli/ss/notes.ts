// What `netkit ss` has to say besides its results, on stderr.

import { printable } from '../../bytes/printable.js'
import type { Console } from '../console.js'

/** One line a note. Notes quote names that other programs chose, so none reaches a terminal as it is. */
export function printNotes({ err }: Pick<Console, 'err'>, notes: readonly string[]): void {
  for (const note of notes) err.line(`netkit: ${printable(note)}`)
}
