// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { podOf } from "../fakes.ts";
import type { Container } from "../../../src/pods/model/container.ts";
import { dnsOf, parseResolvConf } from "../../../src/pods/sandbox/dns.ts";

const c: Container = { name: "c", image: "busybox" };

describe("dnsOf", () => {
  const cluster = { servers: ["10.96.0.10"], domain: "cluster.local" };
  const host = parseResolvConf("# c\nnameserver 192.0.2.53\nsearch a.b c.d\noptions timeout:1\n");
  const base = podOf("p", { containers: [c] });
  it.each([
    [
      "ClusterFirst",
      {},
      {
        servers: ["10.96.0.10"],
        searches: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local", "a.b", "c.d"],
        options: ["ndots:5"],
      },
    ],
    ["ClusterFirst on the host network", { hostNetwork: true }, host],
    ["Default", { dnsPolicy: "Default" }, host],
    [
      "None",
      {
        dnsPolicy: "None",
        dnsConfig: { nameservers: ["1.1.1.1"], options: [{ name: "ndots", value: "2" }] },
      },
      { servers: ["1.1.1.1"], searches: [], options: ["ndots:2"] },
    ],
    [
      "an option of its own",
      { dnsConfig: { options: [{ name: "ndots", value: "1" }, { name: "edns0" }] } },
      {
        servers: ["10.96.0.10"],
        searches: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local", "a.b", "c.d"],
        options: ["ndots:1", "edns0"],
      },
    ],
  ])("%s", (_title, spec, want) =>
    expect(dnsOf({ ...base, spec: { ...base.spec, ...spec } }, cluster, host)).toEqual(want),
  );
  it("falls back to the host without a cluster DNS", () => {
    expect(dnsOf(base, { servers: [], domain: "" }, host)).toEqual(host);
  });
});
