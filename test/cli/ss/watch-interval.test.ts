import { describe, expect, it } from 'vitest'
import { withWatchInterval } from '../../../src/cli/ss/modes.js'

describe('--watch without a number', () => {
  it('means two seconds, wherever it stands', () => {
    expect(withWatchInterval(['--watch'])).toEqual(['--watch', '2'])
    expect(withWatchInterval(['--watch', '-tan'])).toEqual(['--watch', '2', '-tan'])
    expect(withWatchInterval(['-t', '--watch', 'state', 'established'])).toEqual([
      '-t',
      '--watch',
      '2',
      'state',
      'established',
    ])
  })

  it('leaves a number, and everything else, as it was typed', () => {
    for (const argv of [
      ['--watch', '0.5', '-t'],
      ['--watch', '.5'],
      ['--watch=1'],
      ['-tan', 'sport', '=', ':22'],
      [],
    ]) {
      expect(withWatchInterval(argv)).toEqual(argv)
    }
  })
})
