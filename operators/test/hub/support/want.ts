// SPDX-License-Identifier: Apache-2.0
import type { Want } from "../../../src/delivery/mailbox.ts";

/** What a node wants, a pod unless told otherwise. */
export const want = (over: Partial<Want> = {}): Want => ({
  field: `workload:${over.kind ?? "pod"}/default/${over.name ?? "p"}`,
  op: "put",
  scope: "workload",
  kind: "pod",
  namespace: "default",
  name: "p",
  uid: "u",
  resourceVersion: "1",
  digest: "d",
  token: "t",
  fresh: false,
  ...over,
});
