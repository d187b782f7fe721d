// Declares a kernel struct once, as names and widths that must add up to its size.

/** Width of one field: a byte count, or a scalar in host (`u`) or network (`be`) byte order. */
export type FieldWidth = number | 'u8' | 'u16' | 'u32' | 'u64' | 'be16' | 'be32'

const WIDTHS: Record<string, number> = { u8: 1, u16: 2, u32: 4, u64: 8, be16: 2, be32: 4 }

/** A struct: its name, its size in bytes, and the byte offset of each field. */
export interface Layout<Names extends string> {
  readonly name: string
  readonly size: number
  readonly offset: Readonly<Record<Names, number>>
}

/**
 * Declares a struct layout. Offsets follow from the order and widths of the fields.
 * @throws Error at load time when the widths do not add up to `size`: the table is wrong, not the input.
 */
export function layout<const Names extends string>(
  name: string,
  size: number,
  fields: readonly (readonly [Names, FieldWidth])[],
): Layout<Names> {
  const offset = {} as Record<Names, number>
  let at = 0
  for (const [field, width] of fields) {
    offset[field] = at
    at += typeof width === 'number' ? width : WIDTHS[width]!
  }
  if (at !== size) throw new Error(`layout ${name}: fields add up to ${at} bytes, not ${size}`)
  return { name, size, offset }
}
