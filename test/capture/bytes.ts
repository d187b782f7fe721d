// Builds capture files out of numbers, for tests: every field by hand, in either byte order.

/** Numbers of so many bytes each, and texts and bytes as they are, one behind the other. */
export type Field = readonly [width: 1 | 2 | 4 | 8, value: number | bigint] | Uint8Array

export function build(little: boolean, fields: readonly Field[]): Uint8Array {
  return Buffer.concat(
    fields.map(field => {
      if (field instanceof Uint8Array) return field
      const [width, value] = field
      const view = new DataView(new ArrayBuffer(8))
      view.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), little)
      return new Uint8Array(view.buffer).slice(little ? 0 : 8 - width, little ? width : 8)
    }),
  )
}

export interface PcapShape {
  magic?: number
  little?: boolean
  major?: number
  minor?: number
  linkType?: number
}

export function pcapHead({
  magic = 0xa1b2c3d4,
  little = true,
  major = 2,
  minor = 4,
  linkType = 1,
}: PcapShape = {}): Uint8Array {
  return build(little, [
    [4, magic],
    [2, major],
    [2, minor],
    [4, 0], // time zone
    [4, 0], // accuracy
    [4, 65_535], // snap length
    [4, linkType],
  ])
}

/** A record with a payload of `data`. */
export function pcapRecord(
  little: boolean,
  {
    seconds = 1,
    fraction = 2,
    captured,
    wire,
    data = new Uint8Array(4),
  }: Partial<Record<'seconds' | 'fraction' | 'captured' | 'wire', number>> & { data?: Uint8Array },
): Uint8Array {
  return build(little, [[4, seconds], [4, fraction], [4, captured ?? data.length], [4, wire ?? data.length], data])
}

/** A block of pcapng: head, body padded to 32 bits, and the length again. */
export function block(little: boolean, type: number, fields: readonly Field[]): Uint8Array {
  const body = build(little, fields)
  const padding = new Uint8Array((4 - (body.length % 4)) % 4)
  const length = 12 + body.length + padding.length
  return build(little, [[4, type], [4, length], body, padding, [4, length]])
}

export function option(little: boolean, code: number, value: Uint8Array): Uint8Array {
  return build(little, [[2, code], [2, value.length], value, new Uint8Array((4 - (value.length % 4)) % 4)])
}

export function sectionBlock(little: boolean, major = 1): Uint8Array {
  return block(little, 0x0a0d0d0a, [
    [4, 0x1a2b3c4d],
    [2, major],
    [2, 0],
    [8, -1], // length of the section: unknown
  ])
}

export function interfaceBlock(
  little: boolean,
  linkType: number,
  snapLength = 0,
  options: readonly Uint8Array[] = [],
): Uint8Array {
  return block(little, 1, [[2, linkType], [2, 0], [4, snapLength], ...options])
}

export interface EnhancedShape {
  interface?: number
  ticks?: bigint
  captured?: number
  wire?: number
  data?: Uint8Array
  options?: readonly Uint8Array[]
}

export function enhancedBlock(
  little: boolean,
  { interface: id = 0, ticks = 0n, captured, wire, data = new Uint8Array(4), options = [] }: EnhancedShape,
): Uint8Array {
  const padding = new Uint8Array((4 - (data.length % 4)) % 4)
  return block(little, 6, [
    [4, id],
    [4, ticks >> 32n],
    [4, ticks & 0xffffffffn],
    [4, captured ?? data.length],
    [4, wire ?? data.length],
    data,
    padding,
    ...options,
  ])
}
