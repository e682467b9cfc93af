// SPDX-License-Identifier: Apache-2.0

export type MqttErrorCode =
  /** there is no connection to the broker */
  | "BROKER_AWAY"
  /** the broker does not let us subscribe or publish */
  | "REFUSED_BY_BROKER"
  /** there are certificates for the broker, and the device wants to reach it without TLS */
  | "TLS_NEEDED"
  /** no message has come on the property's topic, or only one that is too old */
  | "NO_VALUE"
  /** the message holds no value of the property's type */
  | "VALUE_UNFIT"
  /** more topics or unconfirmed commands than the options allow */
  | "TOO_MUCH"
  | "ABORTED";

/** Every error of the MQTT mapper that is not about its settings. Messages hold no payload. */
export class MqttError extends Error {
  override readonly name = "MqttError";
  readonly code: MqttErrorCode;
  constructor(code: MqttErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
