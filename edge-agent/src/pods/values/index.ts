// SPDX-License-Identifier: Apache-2.0
export { environment } from "./env.ts";
export { expand } from "./expand.ts";
export { type FieldContext, fieldValue, resourceValue } from "./fields.ts";
