import type { Settings } from '../../component/component.js'
import type { Channel } from './channel.js'
import type { Config } from './config.js'
import { Endpoints } from './endpoints.js'
import { openPeers, type Peer } from './peer.js'

/** The way to all servers of an exporter. */
export interface Channels extends Pick<Channel, 'export'> {
  close(): Promise<void>
}

/**
 * Reads the files of certificates and secrets; connecting is left to the first request.
 *
 * @throws Error when one of them cannot be used: it never could work
 */
export async function openChannels(config: Config, settings: Settings): Promise<Channels> {
  const open = await openerOf(config)
  const peers = await openPeers(config, settings)
  const named = peers.list.map((peer) => ({ name: nameOf(peer), channel: open(peer) }))
  const { strategy, circuit_breaker: breaker } = config
  const channel =
    named.length === 1 ? named[0]!.channel : new Endpoints(named, { ...settings, strategy, openMs: breaker.timeout })
  return {
    export: (request, signal, onSent) => channel.export(request, signal, onSent),
    async close() {
      channel.close()
      await peers.close()
    },
  }
}

/** Only what is spoken is loaded. */
async function openerOf({ protocol, sending_queue: queue }: Config): Promise<(peer: Peer) => Channel> {
  if (protocol === 'grpc') return (await import('./grpc-channel.js')).openGrpcChannel
  const { openHttpChannel } = await import('./http-channel.js')
  return (peer) => openHttpChannel(peer, queue.concurrency)
}

function nameOf({ address, authority, path }: Peer): string {
  return 'path' in address ? `unix:${address.path}` : authority + path
}
