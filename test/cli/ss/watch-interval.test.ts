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

  it('takes the words of a filter for the filter', () => {
    expect(withWatchInterval(['--watch', 'dport', '=', ':443'])).toEqual(['--watch', '2', 'dport', '=', ':443'])
    expect(withWatchInterval(['--watch', '(', 'sport', '=', ':1', ')'])[1]).toBe('2')
  })

  it('leaves what is meant as a number to be refused', () => {
    expect(withWatchInterval(['--watch', 'often'])).toEqual(['--watch', 'often'])
  })

  it('takes a negative number for one, to be refused, but not the flags that are digits', () => {
    expect(withWatchInterval(['--watch', '-1', '-t'])).toEqual(['--watch=-1', '-t'])
    expect(withWatchInterval(['--watch', '-0.5'])).toEqual(['--watch=-0.5'])
    for (const flag of ['-4', '-0', '-6tan'])
      expect(withWatchInterval(['--watch', flag])).toEqual(['--watch', '2', flag])
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
