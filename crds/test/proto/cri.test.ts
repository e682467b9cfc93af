// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from "@jest/globals";
import {
  ContainerState,
  ImageService,
  ListContainersResponse,
  PodSandboxConfig,
  RuntimeService,
} from "../../src/cri/index.ts";

describe("CRI", () => {
  test("service tables carry the paths that container runtimes serve", () => {
    expect(RuntimeService.runPodSandbox.path).toBe("/runtime.v1.RuntimeService/RunPodSandbox");
    expect(ImageService.imageFsInfo.path).toBe("/runtime.v1.ImageService/ImageFsInfo");
    const streams = Object.entries(RuntimeService).filter(([, rpc]) => rpc.responseStream);
    expect(streams.map(([name]) => name)).toEqual(["getContainerEvents"]);
    expect(Object.keys(RuntimeService)).toHaveLength(26);
    expect(Object.keys(ImageService)).toHaveLength(5);
  });

  test("a request survives the wire, and what was not said stays unsaid", () => {
    const config = PodSandboxConfig.fromPartial({
      metadata: { name: "p", namespace: "ns", uid: "u", attempt: 1 },
      labels: { "io.kubernetes.pod.uid": "u" },
      linux: { cgroupParent: "/longshore", securityContext: { runAsUser: { value: 0n } } },
    });
    const bytes = RuntimeService.runPodSandbox.requestSerialize({ config, runtimeHandler: "" });
    const decoded = RuntimeService.runPodSandbox.requestDeserialize(bytes);
    expect(decoded.config).toEqual(config);
    expect(decoded.config?.linux?.securityContext?.runAsUser).toEqual({ value: 0n });
    expect(decoded.config?.linux?.securityContext?.runAsGroup).toBeUndefined();
  });

  test("field numbers are the runtime's: bytes written by hand decode", () => {
    // containers=1 { id=1 "c", metadata=3 { name=1 "n" }, state=6 CONTAINER_EXITED, created_at=7 }
    const bytes = Buffer.from("0a12" + "0a0163" + "1a030a016e" + "3002" + "3880f8dfd6b1caceae01", "hex");
    bytes[1] = bytes.length - 2;
    const [container] = ListContainersResponse.decode(bytes).containers;
    expect(container).toMatchObject({
      id: "c",
      metadata: { name: "n" },
      state: ContainerState.CONTAINER_EXITED,
    });
    expect(container?.createdAt).toBeGreaterThan(2n ** 53n);
  });

  test("fields of a newer runtime are skipped", () => {
    const known = ListContainersResponse.encode({ containers: [] }).finish();
    const unknown = Buffer.from([0xfa, 0x01, 0x02, 0x68, 0x69]);
    expect(ListContainersResponse.decode(Buffer.concat([known, unknown]))).toEqual({ containers: [] });
  });
});
