// SPDX-License-Identifier: Apache-2.0
export { Inbound, type InboundDeps, type InboundHost } from "./inbound.ts";
export { PauseReason, Reading } from "./reading.ts";
export { sessionNotice, sessionReply } from "./replies.ts";
