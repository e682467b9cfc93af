// SPDX-License-Identifier: Apache-2.0
export { MqttError, type MqttErrorCode } from "./errors.ts";
export { mqttMapper } from "./mapper.ts";
export { DEFAULT_MQTT_OPTIONS, mqttOptionsOf, type MqttOptions } from "./options.ts";
