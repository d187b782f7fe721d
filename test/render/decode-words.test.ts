// Numbers and times of decode as words, the table of flows in its width, progress.

import { describe, expect, it } from 'vitest'
import { progressWords } from '../../src/cli/decode/progress.js'
import { isTextWithin, parseAddressRange } from '../../src/flow/address-range.js'
import { flowTable } from '../../src/render/decode-table.js'
import { bytesWords, grouped, isoTime, lasting, short } from '../../src/render/decode-words.js'
import { HANDSHAKE, Stepper } from '../flow/track-steps.js'

describe('words of decode', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [1000, '1.0k'],
    [99_949, '99.9k'],
    [999_949, '1000k'],
    [999_950, '1.0M'],
    [12_345_678, '12.3M'],
  ])('shortens %i to %s', (count, text) => {
    expect(short(count)).toBe(text)
    expect(text.length).toBeLessThanOrEqual(5)
  })

  it.each([
    [0, '0us'],
    [0.5, '500us'],
    [1.5, '1.50ms'],
    [45.67, '45.7ms'],
    [999.4, '999ms'],
    [999.6, '1.00s'],
    [61_000, '61.0s'],
    [3_600_000, '60m00s'],
    [86_400_000, '24h00m'],
    [1e15, '11574074d'],
  ])('says %d ms as %s', (ms, text) => {
    expect(lasting(ms)).toBe(text)
  })

  it('groups digits, and names bytes', () => {
    expect([grouped(0), grouped(1234), grouped(1_234_567)]).toEqual(['0', '1,234', '1,234,567'])
    expect([bytesWords(999), bytesWords(864_618_856)]).toEqual(['999 bytes', '865 MB'])
  })

  it('says times as dates, and those that have none as they are', () => {
    expect(isoTime('1700000000.000000001')).toBe('2023-11-14T22:13:20.000000001Z')
    expect(isoTime('-5.000000000')).toBe('-5.000000000')
    expect(isoTime('999999999999999.000000000')).toBe('999999999999999.000000000')
  })

  it('tells progress: how much, how fast, how long still; without a size only how fast', () => {
    expect(progressWords({ packets: 2_000_000, bytes: 25, bytesTotal: 100 }, 2000)).toBe(
      '25%  2,000,000 packets, 1,000,000/s, 6.00s left',
    )
    expect(progressWords({ packets: 500, bytes: 25, bytesTotal: null }, 1000)).toBe('500 packets, 500/s')
  })
})

describe('hosts that select', () => {
  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.1', '10.0.0.1', true],
    ['0.0.0.0/0', '1.2.3.4', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::/0', '2001:db9::1', true],
  ])('%s and %s: %s', (range, address, isWithin) => {
    expect(isTextWithin(parseAddressRange(range)!, address)).toBe(isWithin)
  })

  it.each(['', '10.0.0', '10.0.0.0/33', '::/129', 'host', '10.0.0.1/', '1.2.3.4/8/8'])('refuses %j', text => {
    expect(parseAddressRange(text)).toBeNull()
  })
})

describe('the table of flows', () => {
  it('keeps its width, whatever the ends are: long ones have lines of their own', () => {
    const stepper = new Stepper()
    for (const step of HANDSHAKE) stepper.add(step)
    stepper.tracker.finish()
    const [flow] = stepper.flows
    const long = 'fd00:1111:2222:3333:4444:5555:6666:7777'
    const wide = { ...flow!, client: { address: long, port: 65_535 }, server: { address: long, port: 65_534 } }
    const lines = flowTable([flow!, wide], 80)
    expect(lines.every(({ length }) => length <= 80)).toBe(true)
    expect(lines.join('\n')).toContain(`[${long}]:65535`)
    expect(lines.join('\n')).toContain(`-> [${long}]:65534`)
  })
})
