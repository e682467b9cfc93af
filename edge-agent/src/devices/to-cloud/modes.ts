// SPDX-License-Identifier: Apache-2.0
import type { Uplink } from "../../tunnel/port.ts";

const takesBatches = (uplink: Uplink): boolean => uplink.takesDeviceBatches?.() === true;

/** The connection as those see it who send batches: there while its hub takes them. */
export const batchUplink = (uplink: Uplink): Uplink => whereIt(uplink, () => takesBatches(uplink));

/** The connection as those see it who send a frame for each device: there while its hub takes no batches. */
export const singleUplink = (uplink: Uplink): Uplink => whereIt(uplink, () => !takesBatches(uplink));

function whereIt(uplink: Uplink, isSo: () => boolean): Uplink {
  return {
    isConnected: () => uplink.isConnected() && isSo(),
    request: (request, options) => uplink.request(request, options),
    send: (request) => uplink.send(request),
    onState: (listener) => uplink.onState((connected) => listener(connected && isSo())),
  };
}
