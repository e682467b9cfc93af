// SPDX-License-Identifier: Apache-2.0
import { Client, credentials } from "@grpc/grpc-js";
import {
  AttachRequest,
  CreateContainerRequest,
  ExecRequest,
  ExecSyncRequest,
  ImageService,
  PortForwardRequest,
  PullImageRequest,
  RunPodSandboxRequest,
  RuntimeService,
  type AuthConfig,
  type Container,
  type ContainerConfig,
  type ContainerStats,
  type ContainerStatus,
  type DeepPartial,
  type ExecSyncResponse,
  type FilesystemUsage,
  type Image,
  type PodSandbox,
  type PodSandboxConfig,
  type PodSandboxStats,
  type PodSandboxStatus,
  type RuntimeCondition,
  type ServiceMethod,
  type VersionResponse,
} from "@longshore/crds/cri";
import { methodName, required, settled, unary } from "./call.ts";
import { checkSocket, socketPath } from "./socket.ts";

/** Where the runtime listens, and how long a call may take. */
export interface CriOptions {
  /** `unix:///run/containerd/containerd.sock` */
  readonly endpoint: string;
  /** default: the endpoint of the runtime */
  readonly imageEndpoint?: string;
  /** deadline of a call, default 10 s */
  readonly timeoutMs?: number;
  /** deadline of a pull, default 15 min */
  readonly pullTimeoutMs?: number;
  /** deadline of making a sandbox: the runtime may have to pull its image and run CNI; default 4 min */
  readonly sandboxTimeoutMs?: number;
}

/** Which ends of a container's process a stream carries. A runtime refuses stderr beside a tty. */
export interface CriAttach {
  readonly containerId: string;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** A command to start in a running container, with the ends that the stream carries. */
export interface CriExec extends CriAttach {
  readonly command: readonly string[];
}

/** Ports of a sandbox that a stream may reach. */
export interface CriPortForward {
  readonly sandboxId: string;
  /** Empty when each connection of the stream names its own. */
  readonly ports: readonly number[];
}

/** The calls of the container runtime that the agent makes. Every one throws {CriError}. */
export interface Cri {
  version(): Promise<VersionResponse>;
  status(): Promise<readonly RuntimeCondition[]>;
  listPodSandbox(): Promise<readonly PodSandbox[]>;
  podSandboxStatus(id: string): Promise<PodSandboxStatus>;
  runPodSandbox(config: DeepPartial<PodSandboxConfig>, runtimeHandler: string): Promise<string>;
  stopPodSandbox(id: string): Promise<void>;
  removePodSandbox(id: string): Promise<void>;
  listContainers(): Promise<readonly Container[]>;
  containerStatus(id: string): Promise<ContainerStatus>;
  createContainer(
    sandboxId: string,
    config: DeepPartial<ContainerConfig>,
    sandbox: DeepPartial<PodSandboxConfig>,
  ): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Resolves when the container is dead: within graceSeconds plus the runtime's own time. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  execSync(id: string, command: readonly string[], timeoutSeconds: number): Promise<ExecSyncResponse>;
  reopenContainerLog(id: string): Promise<void>;
  /** URL of the runtime's own streaming server where this one exec waits; it serves once, for a minute or so. */
  exec(request: CriExec): Promise<string>;
  /** URL as of `exec`. */
  attach(request: CriAttach): Promise<string>;
  /** URL as of `exec`. */
  portForward(request: CriPortForward): Promise<string>;
  /** One entry for each running container. */
  listContainerStats(): Promise<readonly ContainerStats[]>;
  /** @throws {CriError} UNIMPLEMENTED by a runtime that keeps none for sandboxes */
  listPodSandboxStats(): Promise<readonly PodSandboxStats[]>;
  listImages(): Promise<readonly Image[]>;
  imageStatus(image: string): Promise<Image | undefined>;
  pullImage(
    image: string,
    options: {
      auth?: DeepPartial<AuthConfig>;
      sandbox?: DeepPartial<PodSandboxConfig>;
      signal?: AbortSignal;
    },
  ): Promise<string>;
  removeImage(image: string): Promise<void>;
  imageFsInfo(): Promise<readonly FilesystemUsage[]>;
  close(): void;
}

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const GRACE_MARGIN_MS = 15_000;

function channel(endpoint: string): Client {
  return new Client(`unix://${socketPath(endpoint)}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.initial_reconnect_backoff_ms": 200,
    "grpc.max_reconnect_backoff_ms": 2_000,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.default_authority": "localhost",
  });
}

/**
 * A thin client of the Container Runtime Interface over a unix socket: no policy, no retry. grpc-js
 * reconnects by itself; while the runtime is away calls fail with UNAVAILABLE.
 *
 * @throws {SocketError} when the socket is not root's or is a link
 */
export function createCri(options: CriOptions): Cri {
  checkSocket(socketPath(options.endpoint));
  if (options.imageEndpoint !== undefined) checkSocket(socketPath(options.imageEndpoint));
  const client = channel(options.endpoint);
  const images = options.imageEndpoint === undefined ? client : channel(options.imageEndpoint);
  const timeoutMs = options.timeoutMs ?? 10_000;
  return {
    ...sandboxCalls(client, timeoutMs, options.sandboxTimeoutMs ?? 240_000),
    ...containerCalls(client, timeoutMs),
    ...streamCalls(client, timeoutMs),
    ...statsCalls(client, timeoutMs),
    ...imageCalls(images, timeoutMs, options.pullTimeoutMs ?? 900_000),
    close: () => {
      client.close();
      if (images !== client) images.close();
    },
  };
}

type SandboxCalls = Pick<
  Cri,
  | "version"
  | "status"
  | "listPodSandbox"
  | "podSandboxStatus"
  | "runPodSandbox"
  | "stopPodSandbox"
  | "removePodSandbox"
>;

function sandboxCalls(client: Client, timeoutMs: number, sandboxTimeoutMs: number): SandboxCalls {
  const call = <Q, A>(method: ServiceMethod<Q, A>, request: Q): Promise<A> =>
    unary(client, method, request, { timeoutMs });
  return {
    version: () => call(RuntimeService.version, { version: "v1" }),
    status: async () => (await call(RuntimeService.status, { verbose: false })).status?.conditions ?? [],
    listPodSandbox: async () => (await call(RuntimeService.listPodSandbox, {})).items,
    podSandboxStatus: async (id) => {
      const answer = await call(RuntimeService.podSandboxStatus, { podSandboxId: id, verbose: false });
      return required(answer.status, "PodSandboxStatus");
    },
    runPodSandbox: async (config, runtimeHandler) => {
      const request = RunPodSandboxRequest.fromPartial({ config, runtimeHandler });
      const answer = await unary(client, RuntimeService.runPodSandbox, request, {
        timeoutMs: sandboxTimeoutMs,
      });
      return answer.podSandboxId;
    },
    stopPodSandbox: (id) =>
      settled(
        unary(client, RuntimeService.stopPodSandbox, { podSandboxId: id }, { timeoutMs: sandboxTimeoutMs }),
      ),
    removePodSandbox: (id) => settled(call(RuntimeService.removePodSandbox, { podSandboxId: id })),
  };
}

type ContainerCalls = Pick<
  Cri,
  | "listContainers"
  | "containerStatus"
  | "createContainer"
  | "startContainer"
  | "stopContainer"
  | "removeContainer"
  | "execSync"
  | "reopenContainerLog"
>;

function containerCalls(client: Client, timeoutMs: number): ContainerCalls {
  const call = <Q, A>(method: ServiceMethod<Q, A>, request: Q, extraMs = 0): Promise<A> =>
    unary(client, method, request, { timeoutMs: timeoutMs + extraMs });
  return {
    listContainers: async () => (await call(RuntimeService.listContainers, {})).containers,
    containerStatus: async (id) => {
      const answer = await call(RuntimeService.containerStatus, { containerId: id, verbose: false });
      return required(answer.status, "ContainerStatus");
    },
    createContainer: async (sandboxId, config, sandbox) => {
      const request = { podSandboxId: sandboxId, config, sandboxConfig: sandbox };
      const answer = await call(
        RuntimeService.createContainer,
        CreateContainerRequest.fromPartial(request),
        110_000,
      );
      return answer.containerId;
    },
    startContainer: async (id) => {
      await call(RuntimeService.startContainer, { containerId: id }, 110_000);
    },
    stopContainer: (id, graceSeconds) =>
      settled(
        call(
          RuntimeService.stopContainer,
          { containerId: id, timeout: BigInt(Math.max(0, Math.ceil(graceSeconds))) },
          graceSeconds * 1000 + GRACE_MARGIN_MS,
        ),
      ),
    removeContainer: (id) => settled(call(RuntimeService.removeContainer, { containerId: id })),
    execSync: (id, command, timeoutSeconds) => {
      const request = { containerId: id, cmd: [...command], timeout: BigInt(timeoutSeconds) };
      return call(RuntimeService.execSync, ExecSyncRequest.fromPartial(request), timeoutSeconds * 1000);
    },
    reopenContainerLog: async (id) => {
      await call(RuntimeService.reopenContainerLog, { containerId: id });
    },
  };
}

type StreamCalls = Pick<Cri, "exec" | "attach" | "portForward">;

function streamCalls(client: Client, timeoutMs: number): StreamCalls {
  const url = async <Q>(method: ServiceMethod<Q, { url: string }>, request: Q): Promise<string> => {
    const answer = await unary(client, method, request, { timeoutMs });
    return required(answer.url === "" ? undefined : answer.url, methodName(method), "a URL");
  };
  return {
    exec: ({ command, ...rest }) =>
      url(RuntimeService.exec, ExecRequest.fromPartial({ ...rest, cmd: [...command] })),
    attach: (request) => url(RuntimeService.attach, AttachRequest.fromPartial(request)),
    portForward: ({ sandboxId, ports }) =>
      url(
        RuntimeService.portForward,
        PortForwardRequest.fromPartial({ podSandboxId: sandboxId, port: [...ports] }),
      ),
  };
}

type StatsCalls = Pick<Cri, "listContainerStats" | "listPodSandboxStats">;

function statsCalls(client: Client, timeoutMs: number): StatsCalls {
  return {
    listContainerStats: async () =>
      (await unary(client, RuntimeService.listContainerStats, {}, { timeoutMs })).stats,
    listPodSandboxStats: async () =>
      (await unary(client, RuntimeService.listPodSandboxStats, {}, { timeoutMs })).stats,
  };
}

type ImageCalls = Pick<Cri, "listImages" | "imageStatus" | "pullImage" | "removeImage" | "imageFsInfo">;

function imageCalls(client: Client, timeoutMs: number, pullTimeoutMs: number): ImageCalls {
  const spec = (image: string): { image: string } => ({ image });
  const named = (image: string): PullImageRequest => PullImageRequest.fromPartial({ image: spec(image) });
  return {
    listImages: async () => (await unary(client, ImageService.listImages, {}, { timeoutMs })).images,
    imageStatus: async (image) => {
      const request = { image: named(image).image, verbose: false };
      return (await unary(client, ImageService.imageStatus, request, { timeoutMs })).image;
    },
    pullImage: async (image, { auth, sandbox, signal }) => {
      const request = PullImageRequest.fromPartial({
        image: spec(image),
        ...(auth && { auth }),
        ...(sandbox && { sandboxConfig: sandbox }),
      });
      const answer = await unary(client, ImageService.pullImage, request, {
        timeoutMs: pullTimeoutMs,
        signal,
      });
      return answer.imageRef;
    },
    removeImage: async (image) => {
      await settled(unary(client, ImageService.removeImage, { image: named(image).image }, { timeoutMs }));
    },
    imageFsInfo: async () =>
      (await unary(client, ImageService.imageFsInfo, {}, { timeoutMs })).imageFilesystems,
  };
}
