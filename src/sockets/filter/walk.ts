// Visits the leaves of a filter.

import type { Filter, Predicate } from './ast.js'

export function everyPredicate(filter: Filter, visit: (predicate: Predicate) => void): void {
  if (filter.kind === 'and' || filter.kind === 'or') for (const term of filter.terms) everyPredicate(term, visit)
  else if (filter.kind === 'not') everyPredicate(filter.term, visit)
  else visit(filter)
}
