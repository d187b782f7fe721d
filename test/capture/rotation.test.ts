import { describe, expect, it } from 'vitest'
import { Rotation, type RotationPolicy, rotates } from '../../src/capture/rotation.js'
import { CapturedPacket } from '../../src/wire/captured-packet.js'

const policy = (wishes: Partial<RotationPolicy>): RotationPolicy => ({
  bytes: null,
  seconds: null,
  keep: null,
  ...wishes,
})

function packetAt(seconds: number, nanoseconds = 0): CapturedPacket {
  const packet = new CapturedPacket()
  packet.seconds = seconds
  packet.nanoseconds = nanoseconds
  return packet
}

describe('when a new file begins', () => {
  it('is with the first packet, and never again without a limit', () => {
    const rotation = new Rotation('out.pcap', policy({}))
    expect(rotation.isDue(packetAt(5), 100, 0, 0)).toBe(true)
    rotation.begin(packetAt(5))
    expect(rotation.isDue(packetAt(5), 100, 0, 0)).toBe(false)
    expect(rotation.isDue(packetAt(5_000_000), 100, 1e12, 1e6)).toBe(false)
  })

  it('is before the packet that would make it too large, but a file has one packet at least', () => {
    const rotation = new Rotation('out.pcap', policy({ bytes: 1000 }))
    rotation.begin(packetAt(5))
    expect(rotation.isDue(packetAt(5), 100, 900, 3)).toBe(false)
    expect(rotation.isDue(packetAt(5), 101, 900, 3)).toBe(true)
    expect(rotation.isDue(packetAt(5), 5000, 24, 0)).toBe(false)
  })

  it('is when the time since its first packet is over, to the nanosecond, and not when the clock goes back', () => {
    const rotation = new Rotation('out.pcap', policy({ seconds: 10 }))
    rotation.begin(packetAt(1_700_000_000, 999_999_999))
    expect(rotation.isDue(packetAt(1_700_000_010, 999_999_998), 60, 900, 3)).toBe(false)
    expect(rotation.isDue(packetAt(1_700_000_010, 999_999_999), 60, 900, 3)).toBe(true)
    expect(rotation.isDue(packetAt(1_600_000_000), 60, 900, 3)).toBe(false)
    const timeless = packetAt(0)
    timeless.timeKnown = false
    expect(rotation.isDue(timeless, 60, 900, 3)).toBe(false)
  })
})

describe('the files of a capture', () => {
  it.each([
    ['out.pcap', 'out_00001_20231114T221320Z.pcap'],
    ['/tmp/a.b/out', '/tmp/a.b/out_00001_20231114T221320Z'],
    ['./.hidden', './.hidden_00001_20231114T221320Z'],
    ['a.pcap.ng', 'a.pcap_00001_20231114T221320Z.ng'],
  ])('have a number and a time in front of their ending: %s', (path, name) => {
    // date -u -d @1700000000: 2023-11-14 22:13:20
    expect(new Rotation(path, policy({})).begin(packetAt(1_700_000_000))).toBe(name)
  })

  it('have a name whatever the time of a packet is', () => {
    expect(new Rotation('out', policy({})).begin(packetAt(1e300))).toBe('out_00001_no-time')
  })

  it('go, oldest first, when there are more than are kept', () => {
    const rotation = new Rotation('out.pcap', policy({ bytes: 10, keep: 2 }))
    const names = [1, 2, 3, 4].map(seconds => rotation.begin(packetAt(seconds)))
    expect(rotation.surplus()).toEqual(names.slice(0, 2))
    expect(rotation.surplus()).toEqual([])
    expect(rotation.files).toEqual(names.slice(2))
  })
})

describe('a policy', () => {
  it('rotates by size or by time', () => {
    expect(rotates(policy({}))).toBe(false)
    expect(rotates(policy({ bytes: 1 }))).toBe(true)
    expect(rotates(policy({ seconds: 0.5, keep: 1 }))).toBe(true)
  })

  it.each([{ bytes: 0 }, { seconds: -1 }, { bytes: 1, keep: 0 }, { seconds: Number.NaN }, { keep: 3 }])(
    'is refused when it makes no sense: %o',
    wishes => {
      expect(() => rotates(policy(wishes))).toThrow(expect.objectContaining({ exit: 2 }))
    },
  )
})
