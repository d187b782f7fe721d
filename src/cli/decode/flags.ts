// The flags of `netkit decode`.

import { boolean, string } from '@oclif/core/flags'
import { ndjsonFlag } from '../base-command.js'

const SHOWN = 'WHAT IS SHOWN'
const READ = 'HOW IT IS READ'

export const decodeFlags = {
  limit: string({ description: 'show so many flows (40), 0 for all', helpValue: 'N', helpGroup: SHOWN }),
  'max-flows': string({ description: 'remember so many flows at a time (131072)', helpValue: 'N', helpGroup: READ }),
  'no-limit': boolean({ description: 'unpack a compressed file however large it becomes', helpGroup: READ }),
  follow: boolean({ description: 'wait for more at the end of the file until Ctrl-C', helpGroup: READ }),
  ndjson: ndjsonFlag,
}
