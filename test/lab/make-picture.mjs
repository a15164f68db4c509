#!/usr/bin/env node
// Makes docs/demo.svg, the README's picture, from a real run of the demo on a terminal of 152 columns:
//
//   npm run build && sudo node test/lab/make-picture.mjs
//
// Shows the beginning and the summary of the run; a line of dots stands for what is left out between them.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

// A run with all its phases, or a failure with its whole run ID, has some 150.
const kColumns = 152
const kFirstLines = 70
const kLineHeight = 17
const kCharWidth = 7.8
const kPadding = 16

const colours = { 31: '#ff7b72', 32: '#7ee787', 33: '#e3b341', 36: '#79c0ff', 90: '#8b949e' }

const run = `stty cols ${kColumns}; exec node dist/main.js demo --lab --for 20s`
const output = execFileSync('script', ['--quiet', '--return', '--command', run, '/dev/null'], { encoding: 'utf8' })
const lines = output.replaceAll('\r', '').trimEnd().split('\n')
const summary = lines.findIndex((line) => line.startsWith('What passed in'))
if (summary === -1) throw new Error(`the demo ended without its summary:\n${output}`)
// The story is complete with the incident of the database's first crash, which names what it took down.
const taken = lines.findIndex((line, index) => index < kFirstLines && line.includes('took down'))
const shown = [
  '$ npm run demo',
  ...lines.slice(0, taken === -1 ? kFirstLines : taken + 1),
  '  …',
  '',
  ...lines.slice(summary),
]

const width = Math.ceil(kColumns * kCharWidth + 2 * kPadding)
const height = shown.length * kLineHeight + 2 * kPadding
const text = shown.map((line, row) => {
  const y = kPadding + (row + 0.8) * kLineHeight
  return `<text x="${kPadding}" y="${y.toFixed(1)}">${spansOf(line)}</text>`
})
const svg = [
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
  '<title>unitscope demo: services crash, restart and recover, live</title>',
  `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
  '<g fill="#e6edf3" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="13" xml:space="preserve">',
  ...text,
  '</g>',
  '</svg>',
  '',
]
writeFileSync(new URL('../../docs/demo.svg', import.meta.url), svg.join('\n'))

/** One tspan for each run of characters that look the same. */
function spansOf(line) {
  let style = ''
  let spans = ''
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
  for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
    const code = /^\x1b\[([0-9;]*)m$/.exec(part)?.[1]
    if (code === undefined) {
      const safe = part.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
      if (part !== '') spans += style === '' ? safe : `<tspan${style}>${safe}</tspan>`
    } else if (code === '2') style = ` fill="${colours[90]}"`
    else if (code === '1') style = ' font-weight="bold"'
    else style = colours[code] === undefined ? '' : ` fill="${colours[code]}"`
  }
  return spans
}
