import { expect, test } from 'vitest'
import { schema } from '../../../../src/exporters/otlp/config.js'
import { requestAttributesOf } from '../../../../src/exporters/otlp/request-attributes.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'

const rpc = { 'rpc.system.name': 'grpc', 'rpc.method': 'opentelemetry.proto.collector.logs.v1.LogsService/Export' }
const http = { 'http.request.method': 'POST' }

test.each([
  [{ endpoint: 'otel.test' }, { 'server.address': 'otel.test', 'server.port': 4317, ...rpc }],
  [{ endpoint: 'unix:/run/otel.sock' }, { 'server.address': '/run/otel.sock', 'network.transport': 'unix', ...rpc }],
  [
    { endpoint: 'https://otel.test/a', protocol: 'http' },
    { 'server.address': 'otel.test', 'server.port': 443, ...http },
  ],
  // Which of them stands in the events.
  [{ endpoints: ['a.test', 'b.test'] }, rpc],
])('the server of a request: %o', (written, expected) => {
  expect(requestAttributesOf(createTestConfig(schema, written))('logs')).toEqual(expected)
})
