import { defineConfig } from 'vitest/config'

// Pure tests run in parallel; those that boot a systemd or own the machine's ports run one file after the other.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{unit,contract,golden}/**/*.test.ts'],
          pool: 'forks',
          // By default one CPU is left to Vitest itself, which needs little of it: on two CPUs that is half of the time.
          maxWorkers: '100%',
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'lab',
          include: ['test/{lab,e2e}/**/*.test.ts'],
          exclude: ['test/e2e/vm-*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 240_000,
          hookTimeout: 120_000,
        },
      },
      {
        // What a night can do to the agent; on ports of their own, like the lab one file after the other.
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 240_000,
          hookTimeout: 120_000,
        },
      },
      {
        // A kernel of their own: they share nothing with what runs beside them.
        test: {
          name: 'vm',
          include: ['test/e2e/vm-*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 240_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
