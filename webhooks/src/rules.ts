// SPDX-License-Identifier: Apache-2.0
import { validateProperties } from "./properties.ts";
import type { AdmissionRule } from "./server.ts";

const GROUP = "devices.kubeedge.io";

/** Which path judges which kind. Paths are KubeEdge's, so that its webhook configurations go on working. */
export const ADMISSION_RULES: readonly AdmissionRule[] = [
  { path: "/devices", group: GROUP, kind: "Device", decide: validateProperties },
  { path: "/devicemodels", group: GROUP, kind: "DeviceModel", decide: validateProperties },
];
