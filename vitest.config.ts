import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.{test,priv,e2e}.ts'],
    setupFiles: ['test/setup.ts'],
    pool: 'forks',
    // Many tests wait for the network most of the time.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
