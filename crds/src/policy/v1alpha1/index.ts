// SPDX-License-Identifier: Apache-2.0
export { schemas } from "./schema.gen.ts";
export type {
  ServiceAccountAccess,
  ServiceAccountAccessAccessClusterRoleBinding,
  ServiceAccountAccessAccessRoleBinding,
  ServiceAccountAccessImagePullSecret,
  ServiceAccountAccessRule,
  ServiceAccountAccessSecret,
  ServiceAccountAccessSpec,
  ServiceAccountAccessStatus,
  ServiceAccountAccessSubject,
} from "./types.gen.ts";
