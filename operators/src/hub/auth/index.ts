// SPDX-License-Identifier: Apache-2.0
export { createSessionGrants, type SessionGrantsDeps } from "./grants.ts";
export { identify } from "./identity.ts";
export type { CertificateFacts, Identity, IdentityOptions, IdentityReason } from "./identity.ts";
export { isNodeName } from "./node-name.ts";
export { certificateFacts, identifyPeer, peerDer } from "./peer.ts";
export { createPullSecrets, type PullSecrets } from "./pull-secrets.ts";
