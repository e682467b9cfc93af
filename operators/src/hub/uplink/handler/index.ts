// SPDX-License-Identifier: Apache-2.0
export { Answers, type AnswerDeps } from "./answers.ts";
export { type Fields, fieldsAt, isFields, objectOf, pick, textAt, textMap } from "./content.ts";
export { defineHandler } from "./define.ts";
export { Lanes } from "./lanes.ts";
export { bad, forbidden, UplinkRefusal } from "./refusal.ts";
export { done, failed } from "./replies.ts";
export {
  type Action,
  type Actions,
  type Answer,
  LENIENT,
  type UplinkRequest,
  type UplinkTools,
} from "./request.ts";
export { defaultRetry, type RetryOptions, withRetry } from "./retry.ts";
