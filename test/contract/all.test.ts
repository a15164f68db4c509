import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Factory, Registration } from '../../src/component/component.js'
import { registrations } from '../../src/registry.js'
import type { ContractCase } from '../../src/testkit/contract/contract-case.js'
import { exporterContract } from '../../src/testkit/contract/exporter-contract.js'
import { extensionContract } from '../../src/testkit/contract/extension-contract.js'
import { processorContract } from '../../src/testkit/contract/processor-contract.js'
import { receiverContract } from '../../src/testkit/contract/receiver-contract.js'
import { removeTempFolders, type Subject, subjects } from './subjects.js'

const root = resolve(import.meta.dirname, '../..')

afterAll(removeTempFolders)

for (const registration of registrations) {
  const name = `${registration.kind}/${registration.type}`
  describe(name, async () => {
    const loaded = await load(registration)
    test('can be loaded, under the name it is registered by', () => {
      if (loaded instanceof Error) throw loaded
      expect({ kind: loaded.kind, type: loaded.type }).toEqual({ kind: registration.kind, type: registration.type })
    })
    test('has a README that shows its configuration', () => {
      const path = resolve(root, 'src', `${registration.kind}s`, registration.type, 'README.md')
      expect(existsSync(path), path).toBe(true)
      const text = readFileSync(path, 'utf8')
      expect(text).toMatch(/```yaml\n/)
      expect(text).toContain(`${registration.type}`)
    })
    if (loaded instanceof Error) return
    for (const subject of subjects[name] ?? [{}])
      describe(subject.label ?? 'contract', () => {
        for (const { name, run } of casesOf(subject.around?.(loaded) ?? loaded, subject)) test(name, run)
      })
  })
}

test('every subject is of a registered component', () => {
  const known = new Set(registrations.map(({ kind, type }) => `${kind}/${type}`))
  expect(Object.keys(subjects).filter((name) => !known.has(name))).toEqual([])
})

async function load(registration: Registration): Promise<Factory | Error> {
  try {
    return await registration.load()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function casesOf(factory: Factory, subject: Subject): readonly ContractCase[] {
  switch (factory.kind) {
    case 'receiver':
      return receiverContract({ factory, ...subject })
    case 'processor':
      return processorContract({ factory, ...subject })
    case 'exporter':
      return exporterContract({ factory, ...subject })
    case 'extension':
      return extensionContract({ factory, ...subject })
  }
}
