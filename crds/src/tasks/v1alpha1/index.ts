// SPDX-License-Identifier: Apache-2.0
export { orderDigest } from "./digest.ts";
export { FIRST_STEP, FLOWS, isStep, nextStep, stepOfEvent, type JobKind, type Step } from "./flow.ts";
export {
  ATTEMPT_ANNOTATION,
  attemptOf,
  formatTaskResource,
  JOB_UID_LABEL,
  OLD_ORDER_KIND,
  ORDER_KIND,
  parseTaskResource,
  reportName,
  type Dialect,
  type TaskAddress,
} from "./order.ts";
export { REPORT_LIMITS, REPORT_OPERATION, type ActionReport } from "./report.ts";
export { schemas } from "./schema.gen.ts";
export type { NodeTaskReport, NodeTaskReportAction, NodeTaskReportImage } from "./types.gen.ts";
