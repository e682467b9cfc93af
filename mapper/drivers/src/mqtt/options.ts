// SPDX-License-Identifier: Apache-2.0

/** Limits and times of the MQTT mapper, milliseconds and bytes. */
export interface MqttOptions {
  /** Folder of the brokers' credentials. Default undefined: brokers are told none. */
  readonly secretsDir: string | undefined;
  /** Default 4 s. */
  readonly connectTimeoutMs: number;
  /** Pause before a lost connection is made again. Default 1 s. */
  readonly reconnectMs: number;
  /** Default 30 s. */
  readonly keepaliveMs: number;
  /** How long a reading waits for the first message of its topic. Default 500 ms. */
  readonly firstValueMs: number;
  /** How long topics of a device that was closed are kept, so that one opened again has its values. Default 60 s. */
  readonly lingerMs: number;
  /** Topics of one broker. Default 10,000. */
  readonly maxTopics: number;
  /** Longer messages are no values. Default 64 KiB. */
  readonly maxPayloadBytes: number;
  /** Commands that wait for a broker's confirmation. Default 256. */
  readonly maxUnconfirmed: number;
}

export const DEFAULT_MQTT_OPTIONS: MqttOptions = {
  secretsDir: undefined,
  connectTimeoutMs: 4_000,
  reconnectMs: 1_000,
  keepaliveMs: 30_000,
  firstValueMs: 500,
  lingerMs: 60_000,
  maxTopics: 10_000,
  maxPayloadBytes: 64 * 1024,
  maxUnconfirmed: 256,
};

/** Reads `SECRETS_DIR`. */
export const mqttOptionsOf = (env: Readonly<Record<string, string | undefined>>): MqttOptions => ({
  ...DEFAULT_MQTT_OPTIONS,
  secretsDir: env["SECRETS_DIR"] === "" ? undefined : env["SECRETS_DIR"],
});
