// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { podOf } from "../fakes.ts";
import { sandboxConfig } from "../../../src/pods/sandbox/config.ts";
import type { Container } from "../../../src/pods/model/container.ts";

const c: Container = { name: "c", image: "busybox" };

describe("the sandbox that the runtime is asked for", () => {
  const options = {
    rootDir: "/r",
    podLogsDir: "/l",
    cgroupParent: "/longshore",
    cgroupDriver: "cgroupfs" as const,
    clusterDns: { servers: [], domain: "" },
  };
  const host = { servers: [], searches: [], options: [] };
  it("names the sandbox, its logs and its cgroup as a kubelet does, under a parent of its own", () => {
    const pod = podOf("p", {
      containers: [{ ...c, ports: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }] }],
      hostPID: true,
      securityContext: { sysctls: [{ name: "net.ipv4.ip_forward", value: "1" }], fsGroup: 5 },
    });
    expect(sandboxConfig(pod, 2, options, host)).toMatchObject({
      metadata: { name: "p", namespace: "default", uid: "uid-p", attempt: 2 },
      hostname: "p",
      logDirectory: "/l/default_p_uid-p",
      labels: {
        "io.kubernetes.pod.name": "p",
        "io.kubernetes.pod.namespace": "default",
        "io.kubernetes.pod.uid": "uid-p",
      },
      portMappings: [{ containerPort: 80, hostPort: 8080 }],
      linux: {
        cgroupParent: "/longshore/besteffort/poduid-p",
        sysctls: { "net.ipv4.ip_forward": "1" },
        securityContext: { supplementalGroups: [5n], namespaceOptions: { network: 0, pid: 2, ipc: 0 } },
      },
    });
  });
  it("keeps the node's name and opens no port on the host network", () => {
    const pod = podOf("p", {
      hostNetwork: true,
      containers: [{ ...c, ports: [{ containerPort: 80, hostPort: 80 }] }],
    });
    expect(sandboxConfig(pod, 0, options, host)).toMatchObject({
      hostname: "",
      portMappings: [],
      linux: { securityContext: { namespaceOptions: { network: 2 } } },
    });
  });
});
