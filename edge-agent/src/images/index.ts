// SPDX-License-Identifier: Apache-2.0
/* What pods and jobs share about images: names, logins, one pull. */
export { DOCKER_HUB, holdsLogins, loginsFor, registryOf, type Login, type LoginSecret } from "./logins.ts";
export { pullImage } from "./pull.ts";
export { isImageReference } from "./reference.ts";
