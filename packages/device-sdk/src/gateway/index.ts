export {
  createGateway,
  type Gateway,
  type GatewayDevice,
  type GatewayEvent,
  type GatewayInit,
  type GatewaySensor,
  type GatewayStatus
} from './gateway.ts'
export { httpSource, type HttpSource, type HttpSourceInit } from './http-source.ts'
export type { JsonDefaults, JsonMessage } from './json-values.ts'
export { sensorSigner } from './keys.ts'
export * from './limits.ts'
export { mqttSource, type MqttSourceInit, type MqttTopic } from './mqtt-source.ts'
export type { SensorCounts } from './sensor.ts'
export type {
  GatewayIntake,
  GatewaySource,
  SensorMessage,
  SensorValue,
  SourceEvent
} from './source.ts'
export {
  sparkplugSource,
  type SparkplugMetric,
  type SparkplugSensor,
  type SparkplugSourceInit
} from './sparkplug-source.ts'
