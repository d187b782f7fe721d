// Round-trip times of the latest rounds in one line of block characters.

const BLOCKS = '▁▂▃▄▅▆▇█'
/** Of a probe that was lost, and of one that was not answered and not lost. */
export const LOST_MARK = '×'
export const UNANSWERED_MARK = '·'

/**
 * As many of the latest times as fit, oldest first: from nothing to the longest shown in eighths.
 * @param recentMs null for a probe that nobody answered
 * @param unanswered what stands for such a probe
 */
export function sparkline(recentMs: readonly (number | null)[], width: number, unanswered: string): string {
  const shown = width > 0 ? recentMs.slice(-width) : []
  const top = shown.reduce<number>((most, ms) => Math.max(most, ms ?? 0), 0)
  return shown
    .map(ms => {
      if (ms === null) return unanswered
      const eighths = top > 0 ? Math.ceil((ms / top) * BLOCKS.length) : 1
      return BLOCKS[Math.min(Math.max(eighths, 1), BLOCKS.length) - 1]!
    })
    .join('')
}
