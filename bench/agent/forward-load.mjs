// Sends the same few requests of 512 spans, encoded before, again and again, from a process of its own. Asked
// `{address, requests, atOnce}` it says when all were answered OK.
import { OtlpLoad } from './span-requests.mjs'

process.on('message', async ({ address, requests, atOnce }) => {
  const load = await OtlpLoad.open(address)
  try {
    let left = requests
    const sender = async () => {
      while (left-- > 0) await load.send(left)
    }
    await Promise.all(Array.from({ length: atOnce }, sender))
    process.send('done')
  } catch (error) {
    process.send(`failed: ${error.message}`)
  } finally {
    load.close()
  }
})
process.on('disconnect', () => process.exit())
