// SPDX-License-Identifier: Apache-2.0
export { virtualMapper, type VirtualDevice } from "./mapper.ts";
export { WantedFailure } from "./trouble.ts";
