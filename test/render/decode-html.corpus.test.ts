import { expect, test } from 'vitest'
import { NetkitError } from '../../src/errors/index.js'
import { corpusPath, describeCorpus, readTable } from '../corpus/index.js'
import { capturePage } from './decode-page.js'
import { faultsOf, readPage } from './page-check.js'

/** Twenty-four flows of 2,000 points and a thousand rows: no capture makes more than this. */
const MOST_BYTES = 6_000_000

describeCorpus('pages of the captures', () => {
  test('are well-formed, bounded, and need nothing but themselves', { timeout: 120_000 }, async () => {
    const faults: string[] = []
    for (const { file } of readTable<'file'>('MANIFEST.tsv')) {
      try {
        const page = await capturePage(corpusPath(file))
        const found = faultsOf(readPage(page))
        if (found.length > 0) faults.push(`${file}: ${found.join(', ')}`)
        if (page.length > MOST_BYTES) faults.push(`${file}: ${page.length} bytes`)
        if (/NaN|Infinity|undefined/.test(page)) faults.push(`${file}: a number that is none`)
      } catch (error) {
        if (!(error instanceof NetkitError)) faults.push(`${file}: ${String(error)}`)
      }
    }
    expect(faults).toEqual([])
  })
})
