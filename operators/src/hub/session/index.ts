// SPDX-License-Identifier: Apache-2.0
export { FenceLine } from "./fence-line.ts";
export { SessionRegistry } from "./registry.ts";
export { Session, type SessionDeps } from "./session.ts";
