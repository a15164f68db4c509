import { describe, expect, it, test } from 'vitest'
import { busAddress, parseBusAddress, stableReason } from '../../../../src/lib/systemd/bus.js'

describe('a bus address', () => {
  // D-Bus specification, "Server Addresses".
  test.each<readonly [text: string, servers: readonly string[]]>([
    ['unix:path=/run/dbus/system_bus_socket', ['unix:path=/run/dbus/system_bus_socket']],
    ['unix:abstract=/tmp/dbus-AbC', ['unix:abstract=/tmp/dbus-AbC']],
    ['unix:abstract=/tmp/dbus-AbC,guid=0123456789abcdef0123456789abcdef', ['unix:abstract=/tmp/dbus-AbC']],
    ['unix:path=/a;unix:path=/b;', ['unix:path=/a', 'unix:path=/b']],
    ['unix:path=/with%20space', ['unix:path=/with space']],
    ['unix:path=/with%5fescape', ['unix:path=/with_escape']],
  ])('%s is understood', (text, servers) => expect(parseBusAddress(text)).toEqual(servers))

  test.each<readonly [text: string, reason: RegExp]>([
    ['', /must be `unix:path=/],
    [';', /must be `unix:path=/],
    ['/run/dbus/system_bus_socket', /no transport/],
    [':path=/a', /no transport/],
    ['unixexec:path=/bin/sh,argv1=-c', /would run a program/],
    ['unix:path=/a;unixexec:path=/bin/sh', /would run a program/],
    ['tcp:host=127.0.0.1,port=1', /transport "tcp"/],
    ['launchd:env=X', /transport "launchd"/],
    ['unix:', /needs either path or abstract/],
    ['unix:guid=00', /needs either path or abstract/],
    ['unix:path=/a,abstract=b', /needs either path or abstract/],
    ['unix:path', /where key=value belongs/],
    ['unix:=/a', /where key=value belongs/],
    ['unix:path=/a,path=/b', /path twice/],
    ['unix:path=', /does not begin with \//],
    ['unix:path=relative', /does not begin with \//],
    ['unix:abstract=', /names no socket/],
    ['unix:path=/a%', /wrong %xx/],
    ['unix:path=/a%4', /wrong %xx/],
    ['unix:path=/a%zz', /wrong %xx/],
    ['unix:path=/with space', /must be written as %xx/],
    ['unix:path=/ü', /must be written as %xx/],
    ['unix:path=/a%00b', /NUL/],
    ['unix:path=/a%3ab', /not supported/],
    [`unix:path=/${'x'.repeat(107)}`, /more than 107 bytes/],
  ])('%s is refused', (text, reason) =>
    expect(parseBusAddress(text)).toEqual({ reason: expect.stringMatching(reason) }),
  )
})

describe('the bus of a scope', () => {
  test.each<readonly [scope: 'system' | 'user', env: Record<string, string>, address: string]>([
    ['system', {}, 'unix:path=/run/dbus/system_bus_socket'],
    ['system', { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/host/bus' }, 'unix:path=/host/bus'],
    ['user', {}, 'unix:path=/run/user/1000/bus'],
    ['user', { XDG_RUNTIME_DIR: '/run/u' }, 'unix:path=/run/u/bus'],
    ['user', { XDG_RUNTIME_DIR: '/run/u', DBUS_SESSION_BUS_ADDRESS: 'unix:abstract=x' }, 'unix:abstract=x'],
  ])('%s with %j', (scope, env, address) => expect(busAddress(scope, env, 1000)).toBe(address))
})

it('a reason has no words that differ from try to try', () => {
  expect(stableReason('Connection ":1.42" (uid=1000 pid=77 comm="unitscope") is not allowed, see :1.0')).toBe(
    'Connection ":?" (uid=? pid=? comm="unitscope") is not allowed, see :?',
  )
  expect(stableReason('Ping: no answer within 5 s')).toBe('Ping: no answer within 5 s')
})
