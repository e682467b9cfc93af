// SPDX-License-Identifier: Apache-2.0
export { StatusSender } from "./sender.ts";
export { podStatus } from "./status.ts";
