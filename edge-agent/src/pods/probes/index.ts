// SPDX-License-Identifier: Apache-2.0
export { runHandler } from "./handlers.ts";
export { Prober } from "./prober.ts";
