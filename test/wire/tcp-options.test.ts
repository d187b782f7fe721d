import { describe, expect, test } from 'vitest'
import { TcpOptionsView } from '../../src/wire/tcp-options.js'
import { concat, truncations } from '../sockets/diag/build.js'
import { hex, view } from '../sockets/diag/samples.js'
import { tcp } from './packet-build.js'

/** What a SYN of Linux has. */
const OPTIONS = hex(`
  02 04 05 b4                   // MSS 1460
  04 02                         // SACK permitted
  08 0a f0 00 00 01 00 00 00 02 // time stamps
  01                            // nothing
  03 03 07                      // window scale 7
`)
const SYN = tcp({ flags: 2, options: OPTIONS })

function read(bytes: Uint8Array): TcpOptionsView {
  const options = new TcpOptionsView()
  options.move(view(bytes), 0, bytes.length)
  return options
}

describe('options of a SYN', () => {
  test('are read', () => {
    expect(read(SYN)).toMatchObject({ mss: 1460, windowScale: 7, sackPermitted: true, hasTimestamps: true })
    expect(read(SYN)).toMatchObject({ timestampValue: 0xf0000001, timestampEcho: 2 })
  })

  test('that are not there are not those of the segment before', () => {
    const options = read(SYN)
    options.move(view(tcp()), 0, 20)
    expect(options).toMatchObject({ mss: -1, windowScale: -1, sackPermitted: false, hasTimestamps: false })
  })

  test('that the capture cut are read as far as they are whole', () => {
    for (const { bytes, length } of truncations(SYN)) {
      const { mss, sackPermitted, hasTimestamps, windowScale } = read(bytes)
      expect([mss, sackPermitted]).toEqual([length < 24 ? -1 : 1460, length >= 26])
      expect([hasTimestamps, windowScale]).toEqual([length >= 36, -1])
    }
  })

  test('a window scale above 14 counts as 14', () => {
    expect(read(tcp({ options: hex('03 03 0f 00') })).windowScale).toBe(14)
    expect(read(tcp({ options: hex('03 03 ff 00') })).windowScale).toBe(14)
  })

  test.each(['02 00 05 b4', '02 01 05 b4', '02 03 05 b4', '02 05 05 b4', '00 02 04 05', '02 04'])(
    'of an impossible length are none: %s',
    text => {
      const options = concat(hex(text), new Uint8Array((4 - (hex(text).length % 4)) % 4))
      expect(read(tcp({ options })).mss).toBe(text === '02 04' ? 0 : -1)
    },
  )

  test('the first block of a selective acknowledgment is read, and only one of whole blocks', () => {
    const block = '05 0a f0 00 00 01 f0 00 05 b5 00 00'
    expect(read(tcp({ options: hex(block) }))).toMatchObject({ sackStart: 0xf0000001, sackEnd: 0xf00005b5 })
    expect(read(tcp({ options: hex(block.replace('0a', '09')) }))).toMatchObject({ sackStart: 0, sackEnd: 0 })
  })

  test('bounds that cannot be are refused', () => {
    const options = new TcpOptionsView()
    options.move(view(SYN), -1, 20)
    options.move(view(SYN), 0, SYN.length + 1)
    expect(options.mss).toBe(-1)
  })
})
