import { defineConfig } from 'vitest/config'

// A run of its own, started by ../killed.test.ts, whose worker is killed in the middle of a test.
export default defineConfig({ test: { include: ['test/lab/killed/holds.ts'], pool: 'forks', testTimeout: 120_000 } })
