// Where a decoded capture may be written to: anywhere but in the place of what it is read from.

import { isSameFile } from '../../adapters/text-file.js'
import { UsageError } from '../../errors/index.js'
import type { DecodeRequest } from './request.js'

/**
 * A selection written over its capture would be all that is left of it.
 * @throws UsageError when an output would take the place of the capture, or the page that of what is written
 */
export function checkOutputs({ html, write }: DecodeRequest, file: string): void {
  if (write !== null && isSame(write, file))
    throw new UsageError(`--write ${write} would replace the capture`, {
      hints: ['give what is written a name of its own'],
    })
  if (html !== null && (isSame(html, file) || (write !== null && isSame(html, write))))
    throw new UsageError(`--html ${html} would replace the capture`, { hints: ['give the page a name of its own'] })
}

const isSame = (output: string, other: string): boolean =>
  output !== '-' && other !== '-' && (output === other || isSameFile(output, other))
