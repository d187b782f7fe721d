// A finding: one thing that is wrong with a flow, or with the capture, in words and with the frames that show it.

export const SEVERITIES = ['error', 'warning', 'note'] as const

export type Severity = (typeof SEVERITIES)[number]

/** As `netkit decode --json` prints it. */
export interface Finding {
  /** Name of the rule that fired: docs/labels.md has a line for each. */
  rule: string
  severity: Severity
  /** Number of the flow it is about, the worst one where it stands for several; null when it is about the whole capture. */
  flow: number | null
  /** How many flows it stands for. */
  flows: number
  /** Frames that show it, ascending: the first ones where there are many. */
  frames: number[]
  sentence: string
  /** The numbers of the sentence by name; milliseconds end in `Ms`. */
  numbers: Record<string, number | string | null>
}

/** What a rule says of one flow, before findings that are alike are put together. */
export interface Match {
  severity: Severity
  frames: number[]
  numbers: Record<string, number | string | null>
  sentence: string
  /** Of two of the same rule the larger is the worse one. */
  weight: number
}
