// What a rule is: a name, and what it says of a flow.

import type { Match } from './finding.js'
import type { Subject } from './finding-subject.js'

/** How a capture ends. */
export interface CaptureEnd {
  frame: number
  ns: number
}

export interface FlowMatch extends Match {
  /** What is known when the capture ends; null when it does not fire then: nothing could have followed so soon. */
  complete?: (end: CaptureEnd) => Match | null
}

export interface FlowRule {
  name: string
  check: (subject: Subject) => FlowMatch | null
}
