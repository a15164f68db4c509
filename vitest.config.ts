import { defineConfig } from 'vitest/config'
import { filesThat, needsLab, needsOwnProcess } from './test/setup/test-needs.ts'

const root = new URL('.', import.meta.url)
const alone = filesThat(needsOwnProcess, root, 'test', (path) =>
  /^test\/(unit|contract|golden)\/.*\.test\.ts$/.test(path),
)
const agent = filesThat(
  (text) => !needsLab(text),
  root,
  'test/e2e',
  (path) => /\.test\.ts$/.test(path) && !/\/vm-/.test(path),
)

const quick = {
  pool: 'forks',
  // By default one CPU is left to Vitest itself, which needs little of it: on two CPUs that is half of the time.
  maxWorkers: '100%',
  testTimeout: 60_000,
  hookTimeout: 60_000,
  setupFiles: ['test/setup/properties.ts'],
} as const

const inTurn = { pool: 'forks', fileParallelism: false, testTimeout: 240_000, hookTimeout: 120_000 } as const

// Quick tests run in parallel; those that boot a systemd or own the machine's ports run one file after the other.
export default defineConfig({
  test: {
    projects: [
      {
        // A worker keeps its process and what it has loaded from file to file: of the CPU that all quick tests take, a fourth
        // went into starting anew (docs/decisions/0321).
        test: {
          ...quick,
          name: 'unit',
          include: ['test/{unit,contract,golden}/**/*.test.ts'],
          exclude: [...alone],
          isolate: false,
        },
      },
      {
        // One group after the other: a worker that is kept ends where the next file is of another project.
        test: { ...quick, name: 'unit-alone', include: [...alone], sequence: { groupOrder: 1 } },
      },
      {
        // They hold namespaces and sockets, but in processes that end with their tests: one worker does for all files.
        test: {
          ...inTurn,
          isolate: false,
          name: 'lab',
          include: ['test/{lab,e2e}/**/*.test.ts'],
          exclude: ['test/e2e/vm-*.test.ts', ...agent],
        },
      },
      {
        // Whole agents without a lab.
        test: {
          ...inTurn,
          isolate: false,
          name: 'agent',
          include: [...agent],
        },
      },
      {
        // What a night can do to the agent; like the lab one file after the other.
        test: {
          ...inTurn,
          isolate: false,
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
        },
      },
      {
        // A kernel of their own: they share nothing with what runs beside them.
        test: {
          ...inTurn,
          name: 'vm',
          include: ['test/e2e/vm-*.test.ts'],
        },
      },
    ],
  },
})
