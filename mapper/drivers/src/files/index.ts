// SPDX-License-Identifier: Apache-2.0
export { isInside } from "./inside.ts";
export {
  DEFAULT_SECRET_FOLDERS,
  readPasswordFile,
  readSecretFile,
  SecretError,
  type SecretErrorCode,
} from "./secret.ts";
