// SPDX-License-Identifier: Apache-2.0
export { createObserver } from "./observe.ts";
export { RuntimeView } from "./view.ts";
