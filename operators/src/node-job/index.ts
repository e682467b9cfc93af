// SPDX-License-Identifier: Apache-2.0
export { decide } from "./decide.ts";
export { ordersOf } from "./orders.ts";
export type {
  DecideInput,
  Decision,
  Job,
  JobCondition,
  JobEvent,
  JobStatus,
  NodeFact,
  Nodes,
  Rival,
  Task,
  TaskAction,
  TaskImage,
  TaskOrder,
  TaskPhase,
  TaskReport,
} from "./port.ts";
