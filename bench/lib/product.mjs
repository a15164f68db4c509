import { createRequire } from 'node:module'
import { root } from './machine.mjs'

/** A module of the built product, by its place in build/js (dist/ holds the same, bundled). */
export const product = (path) => import(`${root}build/js/${path}`)

/** The addon's typed surface. */
export async function native() {
  const loaded = (await product('binding/native.js')).loadNative()
  if (loaded.unavailable !== undefined) throw new Error(loaded.unavailable)
  return loaded.native
}

/** The addon itself, for what its surface in src/binding hides. */
export const addon = () => createRequire(import.meta.url)('node-gyp-build')(root)

/** A module inside the dbus-next that others use. */
export function dbusNext(path) {
  const require = createRequire(import.meta.url)
  const library = require.resolve('dbus-next').replace(/dbus-next\/.*$/, 'dbus-next/')
  return require(`${library}${path}`)
}

/** The bytes of the committed recording of a real systemd 252, as they were read. @returns {Promise<Uint8Array[]>} */
export async function recordedChunks() {
  const { RecordingReader } = await product('lib/recording/reader.js')
  const reader = await RecordingReader.open(`${root}test/fixtures/recordings/lab.usrec.gz`)
  const chunks = []
  for (let frame = await reader.next(); frame !== undefined; frame = await reader.next()) {
    if (frame.kind === 'chunk') chunks.push(frame.chunk.bytes)
  }
  await reader.close()
  return chunks
}
