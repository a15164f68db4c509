// The items of an Export request, protobuf or JSON, in the shape of OTLP/JSON. Read by protobufjs from the published
// definitions (../otlp-sink/otlp.proto): nothing here is of the agent's own code.
import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'

const { root } = protobuf.parse(readFileSync(new URL('../otlp-sink/otlp.proto', import.meta.url), 'utf8'))
const requests = {
  logs: root.lookupType('ExportLogsServiceRequest'),
  metrics: root.lookupType('ExportMetricsServiceRequest'),
  traces: root.lookupType('ExportTraceServiceRequest'),
}
const types = {
  response: root.lookupType('ExportResponse'),
  status: root.lookupType('RpcStatus'),
  retryInfo: root.lookupType('RetryInfo'),
}

export function encode(name, value) {
  const type = types[name]
  return Buffer.from(type.encode(type.fromObject(value)).finish())
}

export function itemsOfProto(signal, bytes) {
  return itemsOf(signal, requests[signal].decode(bytes))
}

export function itemsOfJson(signal, bytes) {
  return itemsOf(signal, JSON.parse(bytes.toString('utf8')))
}

function itemsOf(signal, message) {
  if (signal === 'logs')
    return flat(message.resourceLogs, 'scopeLogs', 'logRecords').map((one) => item(one, textOf(one.body)))
  if (signal === 'traces') return flat(message.resourceSpans, 'scopeSpans', 'spans').map((one) => item(one, one.name))
  return flat(message.resourceMetrics, 'scopeMetrics', 'metrics').flatMap((metric) =>
    ((metric.gauge ?? metric.sum ?? metric.histogram)?.dataPoints ?? []).map((point) => item(point, numberOf(point))),
  )
}

function flat(groups, middle, inner) {
  return (groups ?? []).flatMap((group) => (group[middle] ?? []).flatMap((scope) => scope[inner] ?? []))
}

function item({ attributes }, payload) {
  const marks = { payload: payload ?? '' }
  for (const { key, value } of attributes ?? []) {
    if (key === 'oracle.run') marks.run = value.stringValue
    else if (key === 'oracle.seq') marks.seq = Number(value.intValue)
    else if (key === 'oracle.crc') marks.crc = Number(value.intValue)
  }
  return marks
}

function textOf(body) {
  return body?.stringValue ?? ''
}

function numberOf({ asInt, asDouble, count }) {
  return String(asDouble ?? asInt ?? count)
}
