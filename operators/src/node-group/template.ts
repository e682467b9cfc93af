// SPDX-License-Identifier: Apache-2.0
// Admission refuses by the same words.
export { grantOf, type Grant } from "@longshore/crds/apps";
