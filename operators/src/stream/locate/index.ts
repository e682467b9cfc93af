// SPDX-License-Identifier: Apache-2.0
export { Deadline } from "./deadline.ts";
export { lastSeen } from "./last-seen.ts";
export { lastSeenOf, offlineText, type Absence, type LastSeen } from "./offline.ts";
export { placePod, type PlacedPod, type PodName } from "./pod.ts";
