// Filter text as a user writes it: parsed, or refused with a pointer at the column.

import { UsageError } from '../errors/index.js'
import { type Filter, FilterSyntaxError, parseFilter, type ServiceLookup } from '../sockets/filter/index.js'

/** @throws UsageError that points at the column of a syntax error */
export function parseFilterText(text: string, services: ServiceLookup): Filter {
  try {
    return parseFilter(text, services)
  } catch (error) {
    if (!(error instanceof FilterSyntaxError)) throw error
    throw new UsageError(`cannot read the filter, at column ${error.column + 1}: ${error.message}`, {
      code: 'filter-syntax',
      hints: [
        error.text,
        `${' '.repeat(error.column)}^`,
        "for example: netkit ss -tan '( dport = :443 or dport = :80 ) and not src 127.0.0.0/8'",
      ],
    })
  }
}
