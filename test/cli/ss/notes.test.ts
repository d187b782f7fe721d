import { expect, test } from 'vitest'
import type { Console } from '../../../src/cli/console.js'
import { Notes } from '../../../src/cli/ss/modes.js'
import { printNotes } from '../../../src/cli/ss/notes.js'

const HOSTILE = 'no destroy events from network namespace \u001b[31mR\u009b7m\u202e\n'
const VISIBLE = 'netkit: no destroy events from network namespace \\x1b[31mR\\x9b7m\\u{202e}\\x0a'

function written(): { io: Console; lines: string[] } {
  const lines: string[] = []
  const err = { line: (text: string) => lines.push(text), flush: () => undefined }
  return { io: { err } as unknown as Console, lines }
}

test('what another program put into a note is made visible', () => {
  const { io, lines } = written()
  printNotes(io, [HOSTILE, 'plain'])
  expect(lines).toEqual([VISIBLE, 'netkit: plain'])
})

test('notes over time are made visible too, and come once', () => {
  const { io, lines } = written()
  const notes = new Notes(io, [HOSTILE])
  notes.print()
  notes.add([HOSTILE])
  notes.print()
  expect(lines).toEqual([VISIBLE])
})
