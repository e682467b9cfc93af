// SPDX-License-Identifier: Apache-2.0

/**
 * Keeps the codec that broker and client share from preparing 65,536 buffers at its first packet: 14 MB. The broker has
 * no option for it; the client has, and it holds for both. A client that is made for it alone never connects.
 */
export async function spareNumbers(): Promise<void> {
  const { default: mqtt } = await import("mqtt");
  const never = (): never => {
    throw new Error("this client does not connect");
  };
  new mqtt.MqttClient(never, { manualConnect: true, writeCache: false });
}
