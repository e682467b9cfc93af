// SPDX-License-Identifier: Apache-2.0
export { connectTcp, type Connect } from "./connect.ts";
export { openUpgrade, type UpgradeDeps, type UpgradeRequest } from "./open.ts";
