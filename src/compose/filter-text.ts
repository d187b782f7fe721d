// Filter text as a user writes it: parsed, or refused with a pointer at the column.

import { UsageError } from '../errors/index.js'
import {
  type Filter,
  type FilterFamily,
  FilterSyntaxError,
  parseFilter,
  type ServiceLookup,
} from '../sockets/filter/index.js'

/** So much of a filter is shown on either side of an error: with the indent of a hint it fits into 80 columns. */
const AROUND = 34
const CUT = '...'

/** The part of the text around a column, and a mark under it. */
function pointer(text: string, column: number): string[] {
  const from = column > AROUND + CUT.length ? column - AROUND : 0
  const to = text.length - column > AROUND + CUT.length ? column + AROUND : text.length
  const shown = `${from > 0 ? CUT : ''}${text.slice(from, to)}${to < text.length ? CUT : ''}`
  return [shown, `${' '.repeat(column - from + (from > 0 ? CUT.length : 0))}^`]
}

/** @throws UsageError that points at the column of a syntax error */
export function parseFilterText(text: string, services: ServiceLookup, hostFamily: FilterFamily | null = null): Filter {
  try {
    return parseFilter(text, services, hostFamily)
  } catch (error) {
    if (!(error instanceof FilterSyntaxError)) throw error
    throw new UsageError(`cannot read the filter, at column ${error.column + 1}: ${error.message}`, {
      code: 'filter-syntax',
      hints: [
        ...pointer(error.text, error.column),
        "for example: netkit ss -tan '( dport = :443 or dport = :80 ) and not src 127.0.0.0/8'",
      ],
    })
  }
}
