// SPDX-License-Identifier: Apache-2.0
export {
  hostnameOf,
  isPrivileged,
  namespaceOptions,
  podCgroupOf,
  sandboxConfig,
  type SandboxOptions,
  supplementalGroups,
} from "./config.ts";
export { parseResolvConf, type ResolvConf } from "./dns.ts";
