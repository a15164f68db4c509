import { once } from 'node:events'
import { createServer } from 'node:net'

/** Linux gives ports from 32,768 on to who asks for any (net.ipv4.ip_local_port_range), and those below 20,000 have owners. */
const [kFirst, kCount] = [20_000, 12_000]

/**
 * A TCP port of 127.0.0.1 that is free, for programs that cannot be told to choose one. Nobody is given it who does not ask for
 * this very one: of those that Linux gives, connections of the tests beside this one take some hundred a second.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = kFirst + Math.floor(Math.random() * kCount)
    const probe = createServer()
    const isFree = await new Promise<boolean>((resolve) =>
      probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)),
    )
    if (!isFree) continue
    await once(probe.close(), 'close')
    return port
  }
}
