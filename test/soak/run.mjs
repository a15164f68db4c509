#!/usr/bin/env node
// npm run soak [-- NAME [OPTIONS]]: what only shows after millions. Without a name it lists the soaks; `NAME --help` its options.
//
// A soak is test/soak/NAME.soak.mjs. It exports `about` (one line), `usage` (its options) and `soak(argv)`, which prints what it
// measured and resolves to whether all of it held; it throws only for wrong options.
import { readdirSync } from 'node:fs'

const kEnding = '.soak.mjs'
const names = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith(kEnding))
  .map((file) => file.slice(0, -kEnding.length))
  .sort()
const load = (name) => import(new URL(`${name}${kEnding}`, import.meta.url).href)

const [name, ...argv] = process.argv.slice(2)
if (name === undefined || name === '--help') {
  const width = Math.max(...names.map((each) => each.length))
  for (const each of names) console.log(`${each.padEnd(width)}  ${(await load(each)).about}`)
} else if (!names.includes(name)) {
  console.error(`there is no soak "${name}"; there are: ${names.join(', ')}`)
  process.exitCode = 2
} else {
  const { about, usage, soak } = await load(name)
  if (argv.includes('--help')) {
    console.log(`${name}: ${about}\n\n${usage}`)
  } else {
    try {
      process.exitCode = (await soak(argv)) ? 0 : 1
    } catch (error) {
      console.error(error instanceof TypeError || error instanceof RangeError ? error.message : error)
      process.exitCode = 2
    }
  }
}
