import { existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { FailureError } from './command.js'

/** Where the system bus listens (D-Bus specification, "Well-known Message Bus Instances"). */
const systemBusSocket = '/run/dbus/system_bus_socket'

/** Ports tried after the first one that is taken. */
const kMaxPortTries = 20

/**
 * Whether this machine was booted by systemd and its bus takes connections. The folder is what sd_booted(3) looks at; it
 * tells without a D-Bus call, which would start services.
 */
export async function hostHasSystemd(): Promise<boolean> {
  if (!existsSync('/run/systemd/system')) return false
  return new Promise((resolve) => {
    const socket = connect(systemBusSocket)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/**
 * The first port from `first` on that is free on 127.0.0.1. It may be taken again before it is used; then the exporter
 * says so.
 */
export async function freePortFrom(first: number): Promise<number> {
  for (let port = first; port < first + kMaxPortTries; port++) {
    if (await isFree(port)) return port
  }
  throw new FailureError(`ports ${first} to ${first + kMaxPortTries - 1} of 127.0.0.1 are all taken: free one of them`)
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
