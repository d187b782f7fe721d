// `netkit decode --explain`: the findings, worst first, each with its rule, its flow and the frames that show it.

import { printable } from '../bytes/printable.js'
import type { Finding } from '../flow/finding.js'
import { wrapped } from './text-fit.js'

/** Frames that a line names: the JSON document has more. */
const MOST_FRAMES = 8
const INDENT = 3

/** @param columns width of a line at the most */
export function explainLines(findings: readonly Finding[], columns: number): string[] {
  if (findings.length === 0) return ['no findings: nothing here is out of the ordinary']
  return findings.flatMap((finding, at) => [...(at === 0 ? [] : ['']), ...findingLines(finding, columns)])
}

function findingLines(finding: Finding, columns: number): string[] {
  const { severity, rule, sentence } = finding
  const margin = ' '.repeat(INDENT)
  const words = printable(`${sentence.slice(0, 1).toUpperCase()}${sentence.slice(1)}.`)
  return [
    `${severity}: ${rule}${aboutWords(finding)}`,
    ...wrapped(`${margin}${words}`, columns, INDENT),
    ...frameLine(finding, margin),
  ]
}

function aboutWords({ flow, flows }: Finding): string {
  if (flow === null) return ', the capture itself'
  return flows === 1 ? `, flow ${flow}` : `, ${flows} flows, the worst ${flow}`
}

/** Only where the sentence does not name them. */
function frameLine({ frames, sentence }: Finding, margin: string): string[] {
  if (frames.length === 0 || /\(frames? \d/.test(sentence)) return []
  const more = frames.length > MOST_FRAMES ? ' ...' : ''
  return [`${margin}frame${frames.length === 1 ? '' : 's'} ${frames.slice(0, MOST_FRAMES).join(' ')}${more}`]
}
