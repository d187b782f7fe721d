// Round-trip times out of what the tools print, and what is computed from them.

/** Milliseconds of each reply line, as ping writes them and `netkit ping` does: `time=0.036 ms`, `time=12 ms`, `time<1 ms`. */
export const textTimes = text => [...text.matchAll(/ time[=<]([\d.]+) ms/g)].map(([, ms]) => Number(ms))

/** Milliseconds of each reply event of `--ndjson`, exact; answers that statistics leave out are left out here too. */
export function eventTimes(text) {
  const times = []
  for (const line of text.split('\n')) {
    if (line === '') continue
    const { event, rttMs } = JSON.parse(line)
    if (event === 'reply' && rttMs !== null) times.push(rttMs)
  }
  return times
}

/** Who is alive, by the lines of fping and of `netkit ping` for many targets. */
export const aliveTargets = text => new Set([...text.matchAll(/^(\S+) is alive/gm)].map(([, target]) => target))

/** The value that a fraction of all values does not exceed, by nearest rank; NaN of none. */
export function quantile(values, fraction) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? Number.NaN
}

const MICROSECONDS = 1000

/** A difference or a time in microseconds, with its sign when asked for. */
export const micros = (ms, sign = false) => `${sign && ms >= 0 ? '+' : ''}${(ms * MICROSECONDS).toFixed(1)}`
