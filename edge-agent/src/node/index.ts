// SPDX-License-Identifier: Apache-2.0
export type { MachineFacts, MachineState } from "./facts.ts";
export { readMachineFacts, readMachineState } from "./machine.ts";
export { createNodeReporter, type NodeDeps, type NodeReporter } from "./node.ts";
export { allocatable } from "./status.ts";
export { AGENT_VERSION, KUBELET_VERSION } from "./version.ts";
