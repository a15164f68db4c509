// The client's packages in one place, which is loaded with the first connection: only who uses it pays for it.
export { jetstream, jetstreamManager } from '@nats-io/jetstream'
export {
  connect,
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node'
