// A strict look at a page: every tag closed, every attribute quoted, nothing that runs or comes from elsewhere.

const VOID = new Set(['meta'])
const TAG = /<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?: [a-zA-Z-]+="[^"<>]*")*)(\/?)>/y
const ATTRIBUTE = / ([a-zA-Z-]+)="([^"<>]*)"/g
const ENTITY = /&(?!(?:amp|lt|gt|quot|#39);)/

export interface PageElement {
  name: string
  attributes: Record<string, string>
  /** Text in it and in the elements in it, as it is read. */
  text: string
}

const decode = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

/** Elements in the order of their begin. @throws Error at the first thing that is not well-formed or not allowed */
export function readPage(page: string): PageElement[] {
  const doctype = '<!DOCTYPE html>\n'
  if (!page.startsWith(doctype)) throw new Error('no doctype')
  const elements: PageElement[] = []
  const open: PageElement[] = []
  const fail = (why: string, at: number): never => {
    throw new Error(`${why} at ${at}: ${page.slice(Math.max(0, at - 40), at + 60)}`)
  }
  for (let at = doctype.length; at < page.length; ) {
    if (page[at] !== '<') {
      const end = page.indexOf('<', at)
      const text = page.slice(at, end < 0 ? page.length : end)
      if (ENTITY.test(text)) fail('a bare ampersand', at)
      if (open.length === 0 && text.trim() !== '') fail('text outside of the page', at)
      for (const element of open) element.text += decode(text)
      at += text.length
      continue
    }
    TAG.lastIndex = at
    const tag = TAG.exec(page)
    if (tag === null) return fail('not a tag', at)
    const [whole, slash, name, attributes, selfClosed] = tag as unknown as [string, string, string, string, string]
    if (slash === '/') {
      if (open.pop()?.name !== name) fail(`</${name}> closes something else`, at)
    } else {
      const element = { name, attributes: readAttributes(attributes, at, fail), text: '' }
      if (VOID.has(name) !== (selfClosed === '/') && selfClosed !== '/') fail(`<${name}> is not closed`, at)
      elements.push(element)
      if (selfClosed !== '/') open.push(element)
    }
    at += whole.length
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)!.name}> is not closed`)
  return elements
}

function readAttributes(text: string, at: number, fail: (why: string, at: number) => never): Record<string, string> {
  const attributes: Record<string, string> = {}
  for (const [, name, value] of text.matchAll(ATTRIBUTE) as Iterable<[string, string, string]>) {
    if (name in attributes) fail(`${name} is there twice`, at)
    if (ENTITY.test(value)) fail('a bare ampersand', at)
    attributes[name] = decode(value)
  }
  return attributes
}

const FORBIDDEN = new Set([
  'script',
  'iframe',
  'object',
  'embed',
  'link',
  'img',
  'image',
  'base',
  'form',
  'foreignObject',
])

/** What a page may not have: scripts, handlers, references to anything but itself, ids that are there twice or not at all. */
export function faultsOf(elements: readonly PageElement[]): string[] {
  const faults: string[] = []
  const ids = new Set<string>()
  const references = new Set<string>()
  for (const { name, attributes, text } of elements) {
    if (FORBIDDEN.has(name)) faults.push(`<${name}>`)
    if (name === 'style' && /url\(|@import|https?:|expression/i.test(text)) faults.push('a style that loads something')
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith('on') || key === 'src' || key === 'style' || key === 'srcdoc') faults.push(`${name} ${key}`)
      if (key === 'href' || key === 'aria-labelledby') references.add(key === 'href' ? value : `#${value}`)
      if (key === 'id') {
        if (ids.has(value)) faults.push(`id ${value} twice`)
        ids.add(value)
      }
    }
  }
  for (const reference of references)
    if (!reference.startsWith('#') || !ids.has(reference.slice(1))) faults.push(`reference to ${reference}`)
  return faults
}
