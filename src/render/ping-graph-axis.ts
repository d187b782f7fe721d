// The two axes of a graph: round-trip times upwards, time to the right.

/** The least of 1, 2, 5 times a power of ten that is not below; 1 for nothing to show. */
export function niceCeiling(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  // A power of ten below one is not exact: what is over by rounding only is not over.
  const factor = [1, 2, 5, 10].find(each => value <= each * power * (1 + 1e-9)) ?? 10
  return factor * power
}

/** Into how many parts an axis of so many rows is divided, so that its labels are round: two rows apart at least. */
export function axisParts(top: number, rows: number): number {
  const isFive = Math.round(top / 10 ** Math.floor(Math.log10(top) + 1e-9)) === 5
  return [isFive ? 5 : 4, isFive ? 1 : 2].find(parts => rows >= parts * 2) ?? 1
}

/** A time with the digits that its scale needs: `0.050 ms`, `1.50 ms`, `150 ms`. */
export function axisLabel(ms: number, top: number): string {
  const digits = top >= 100 ? 0 : top >= 10 ? 1 : top >= 1 ? 2 : 3
  return `${ms.toFixed(top < 0.015 ? 4 : digits)} ms`
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const STEPS = [
  100, 200, 500, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400,
].map((step, index) => (index < 3 ? step : step * SECOND))
/** Columns between two ticks at least: room for a label and a blank. */
const LEAST_TICK = 8

/**
 * The axis below a plot and the labels under it, ending with `now` at the right edge.
 * @param msPerColumn 0 where columns are counted instead of timed
 */
export function timeTicks(width: number, msPerColumn: number): { axis: string; times: string } {
  const perColumn = msPerColumn > 0 ? msPerColumn : 1
  const every = tickColumns(msPerColumn)
  const axis = new Array<string>(width).fill('─')
  const times = new Array<string>(width).fill(' ')
  for (let back = 0; back < width; back += every) {
    const column = width - 1 - back
    const label = back === 0 ? 'now' : msPerColumn > 0 ? `-${span(back * perColumn)}` : `-${back}`
    axis[column] = '┴'
    const start = column - label.length + 1
    if (start >= 0) times.splice(start, label.length, ...label)
  }
  return { axis: axis.join(''), times: times.join('') }
}

/** Columns from one tick to the next: a round time that is a whole number of columns, where there is one. */
function tickColumns(msPerColumn: number): number {
  if (msPerColumn <= 0) return 20
  const round = STEPS.find(step => step >= LEAST_TICK * msPerColumn && step % msPerColumn === 0)
  return round === undefined ? 10 : round / msPerColumn
}

/** `0.5s`, `30s`, `2m`, `1h30m`. */
function span(ms: number): string {
  if (ms < MINUTE) return `${Number((ms / SECOND).toFixed(1))}s`
  const minutes = Math.floor(ms / MINUTE)
  const seconds = Math.round((ms - minutes * MINUTE) / SECOND)
  if (minutes >= 60) return `${Math.floor(minutes / 60)}h${minutes % 60 > 0 ? `${minutes % 60}m` : ''}`
  return `${minutes}m${seconds > 0 ? `${seconds}s` : ''}`
}
