// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { podOf } from "../fakes.ts";
import { etcHosts } from "../../../src/pods/container/mounts.ts";
import type { Container } from "../../../src/pods/model/container.ts";

const c: Container = { name: "c", image: "busybox" };

describe("mounts that every container gets", () => {
  it("writes the hosts file with the pod's address and its aliases", () => {
    const pod = podOf("p", { containers: [c], hostAliases: [{ ip: "1.2.3.4", hostnames: ["x", "y"] }] });
    expect(etcHosts(pod, ["10.0.0.2"], "cluster.local")).toContain("10.0.0.2\tp\n1.2.3.4\tx\ty\n");
  });
  it.each([
    [{ hostname: "web-0", subdomain: "web" }, "cluster.local", "web-0.web.default.svc.cluster.local\tweb-0"],
    [{ subdomain: "web" }, "cluster.local", "p.web.default.svc.cluster.local\tp"],
    [{ hostname: "web-0", subdomain: "web" }, "", "web-0.web.default.svc\tweb-0"],
    [{ hostname: "web-0" }, "cluster.local", "web-0"],
  ])("writes the names of %j in %p into the hosts file", (spec, domain, names) => {
    const pod = podOf("p", { containers: [c], ...spec });
    expect(etcHosts(pod, ["10.0.0.2", "fd00::2"], domain)).toContain(
      `\n10.0.0.2\t${names}\nfd00::2\t${names}\n`,
    );
  });
});
