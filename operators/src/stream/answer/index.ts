// SPDX-License-Identifier: Apache-2.0
export { sendBody } from "./body.ts";
export { refusalOf, type Refusal } from "./refusal.ts";
export { serveUpgrade, type UpgradeDeps, type UpgradedStream } from "./upgrade.ts";
