// The engine and the statistics that netkit has, for the command.

import { prepareTrace } from '../../compose/trace.js'
import { TraceStatistics } from '../../probe/trace-statistics.js'
import type { TraceParts } from './parts.js'

export const traceParts: TraceParts = {
  prepare: prepareTrace,
  fold: (header, settings) => new TraceStatistics(header, { flows: settings.flows > 1 }),
  mtu: async (target, settings, document, signal) =>
    (await import('../../compose/trace-mtu.js')).measureTraceMtu(target, settings, document, signal),
  baseline: async file => (await import('./baseline.js')).openBaseline(file),
}
