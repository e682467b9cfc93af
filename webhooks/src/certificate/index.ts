// SPDX-License-Identifier: Apache-2.0
export { openConfigurations, type ConfigurationRef, type Configurations } from "./injection.ts";
export type { Credential } from "./issue.ts";
export { CertificateKeeper, type KeeperDeps, type KeeperObserver, type KeeperOptions } from "./keeper.ts";
export { isPair } from "./material.ts";
export { openCertificateSecret, ROTATE_ANNOTATION, type CertificateSecret } from "./secret.ts";
