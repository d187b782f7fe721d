// JSON documents as text in parts.

/** Plain data as JSON text, one item of each top-level array or iterable a line, so that no document is held as one string. */
export function* jsonDocument(value: unknown): Generator<string> {
  if (isList(value)) {
    yield* jsonList(value, '')
  } else if (value !== null && typeof value === 'object' && !('toJSON' in value)) {
    let separator = '{\n  '
    for (const [key, item] of Object.entries(value)) {
      if (item === undefined) continue
      yield `${separator}${JSON.stringify(key)}: `
      if (isList(item)) yield* jsonList(item, '  ')
      else yield JSON.stringify(item)
      separator = ',\n  '
    }
    yield separator === '{\n  ' ? '{}' : '\n}'
  } else {
    yield JSON.stringify(value ?? null)
  }
  yield '\n'
}

function* jsonList(items: Iterable<unknown>, indent: string): Generator<string> {
  let separator = `[\n${indent}  `
  for (const item of items) {
    yield separator + JSON.stringify(item ?? null)
    separator = `,\n${indent}  `
  }
  yield separator.startsWith('[') ? '[]' : `\n${indent}]`
}

function isList(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value
}
