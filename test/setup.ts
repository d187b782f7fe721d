// Before every test file: property tests draw the same cases in every run, so that a red one is red again. FUZZ_SEED draws others.

import fc from 'fast-check'

fc.configureGlobal({ seed: Number(process.env['FUZZ_SEED'] ?? 9293) })
