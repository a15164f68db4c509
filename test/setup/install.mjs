#!/usr/bin/env node
// install.mjs [GROUP...]: installs the Debian packages of these groups that are missing; without any, of all that the tests
// need. Needs root; otherwise it prints the exact command and ends with 1. Does nothing, at once, when nothing is missing.
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, rmSync, writeFileSync } from 'node:fs'
import { packages } from './packages.mjs'

const policy = '/usr/sbin/policy-rc.d'
// Debian's dbus-broker makes itself the machine's bus at the next boot by these links; the tests want only the program.
const busLinks = ['/etc/systemd/system/dbus.service', '/etc/systemd/user/dbus.service']

const groups = process.argv.length > 2 ? process.argv.slice(2) : ['build', 'lab', 'test']
const wanted = packages.filter(({ group }) => groups.includes(group))
const missing = wanted.filter(({ proof }) => !proof.every((path) => existsSync(path)))

if (missing.length === 0) console.log('all packages are there')
else process.exitCode = install()

function install() {
  const names = missing.map(({ name }) => name)
  const command = `apt-get update && apt-get install -y --no-install-recommends ${names.join(' ')}`
  for (const { name, why } of missing) console.log(`missing: ${name} (${why})`)
  if (process.getuid() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.error(`run this, then try again:\n  sudo sh -c '${command}'`)
    return 1
  }
  // Only programs are wanted: with this file Debian's packages start no service. One that is there already decides itself.
  const guard = !existsSync(policy)
  const unwanted = busLinks.filter((link) => lstatSync(link, { throwIfNoEntry: false }) === undefined)
  if (guard) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    const ok = apt('update', '-qq') && apt('install', '-y', '-qq', '--no-install-recommends', ...names)
    if (!ok) console.error(`apt-get failed; by hand:\n  ${command}`)
    return ok ? 0 : 1
  } finally {
    for (const link of unwanted) rmSync(link, { force: true })
    if (guard) rmSync(policy, { force: true })
  }
}

function apt(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', DEBCONF_NOWARNINGS: 'yes' }
  return spawnSync('/usr/bin/apt-get', args, { stdio: ['ignore', 'inherit', 'inherit'], env }).status === 0
}
