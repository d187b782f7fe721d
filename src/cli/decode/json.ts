// The JSON document of a capture, written as its flows end: the largest part of it is never held.

import type { DecodeHead } from '../../flow/decode-document.js'
import type { Finding } from '../../flow/finding.js'
import type { Flow } from '../../flow/model.js'
import type { Output } from '../output.js'

export class DecodeDocument {
  readonly #out: Output
  readonly #file: string
  #flows = 0

  constructor(out: Output, file: string) {
    this.#out = out
    this.#file = file
  }

  /** A flow that ended. The first one that ends before the capture does makes the list come before what is counted. */
  flow(flow: Flow): void {
    if (this.#flows === 0) this.#out.write(`{\n  "file": ${JSON.stringify(this.#file)},\n  "flows": [`)
    this.#flows++
    this.#out.write(`${this.#flows === 1 ? '' : ','}\n    ${JSON.stringify(flow)}`)
  }

  /**
   * The rest, with the flows that did not end before.
   * @param findings when it is a function, it is asked when all flows were written
   */
  finish(head: DecodeHead, flows: Iterable<Flow>, findings: readonly Finding[] | (() => readonly Finding[])): void {
    const isBegun = this.#flows > 0
    const { file, ...counted } = head
    if (!isBegun) this.#out.write(`{\n  "file": ${JSON.stringify(file)},\n${membersOf(counted)},\n  "flows": [`)
    for (const flow of flows) {
      this.#flows++
      this.#out.write(`${this.#flows === 1 ? '' : ','}\n    ${JSON.stringify(flow)}`)
    }
    this.#out.write(this.#flows === 0 ? ']' : '\n  ]')
    if (isBegun) this.#out.write(`,\n${membersOf(counted)}`)
    this.#out.write(',\n  "findings": [')
    const found = typeof findings === 'function' ? findings() : findings
    found.forEach((finding, index) => {
      this.#out.write(`${index === 0 ? '' : ','}\n    ${JSON.stringify(finding)}`)
    })
    this.#out.write(found.length === 0 ? ']\n}\n' : '\n  ]\n}\n')
  }
}

const membersOf = (members: object): string =>
  Object.entries(members)
    .map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`)
    .join(',\n')
