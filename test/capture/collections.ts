// How often the garbage collector runs.

import { PerformanceObserver } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** How often it ran during `work`. */
export async function collections(work: () => void): Promise<number> {
  let seen = 0
  const observer = new PerformanceObserver(list => {
    seen += list.getEntries().length
  })
  await sleep(50)
  observer.observe({ entryTypes: ['gc'] })
  work()
  await sleep(50)
  observer.disconnect()
  return seen
}
