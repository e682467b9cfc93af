// SPDX-License-Identifier: Apache-2.0
export { cadvisorFamilies } from "./cadvisor.ts";
export { EXPOSITION_TYPE, expose, type Family } from "./exposition.ts";
export { resourceFamilies } from "./resource.ts";
export { summaryOf } from "./summary.ts";
