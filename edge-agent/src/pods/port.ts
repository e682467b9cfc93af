// SPDX-License-Identifier: Apache-2.0
import type { Registry } from "prom-client";
import type { Clock } from "../clock.ts";
import type { Cri } from "../cri/index.ts";
import type { AgentLog } from "../log.ts";
import type { DesiredStore, RecordStore } from "../store/port.ts";
import type { Uplink } from "../tunnel/port.ts";
import type { LogLimits } from "./container/index.ts";
import type { Allocatable, PodStatus } from "./model/index.ts";
import type { CgroupDriver } from "./resources/index.ts";
import type { Mounter } from "./volumes/index.ts";

/** How this node runs pods. */
export interface PodEngineOptions {
  /** root of the kubelet's files; pods live in `<rootDir>/pods/<uid>` */
  readonly rootDir: string;
  /** default /var/log/pods */
  readonly podLogsDir?: string;
  /** default /longshore; never a kubelet's own */
  readonly cgroupParent?: string;
  /** default cgroupfs */
  readonly cgroupDriver?: CgroupDriver;
  readonly clusterDNS?: readonly string[];
  readonly clusterDomain?: string;
  /** how the node itself resolves names, for pods; "" for none. Default: systemd-resolved's file, else /etc/resolv.conf */
  readonly resolvConf?: string;
  /** of the runtime's sandboxes: never removed */
  readonly sandboxImage?: string;
  /** false: CPU limits set no quota. Default true */
  readonly cpuCFSQuota?: boolean;
  /** send Events of pods; default false, as KubeEdge's */
  readonly reportEvent?: boolean;
  /** default 1 s */
  readonly relistIntervalMs?: number;
  /** how often rendered volumes and tokens are looked over without an event, default 60 s */
  readonly refreshIntervalMs?: number;
  /** default 60 s, KubeEdge's remoteQueryTimeout */
  readonly requestTimeoutMs?: number;
  /** default 15 s */
  readonly resendAfterMs?: number;
  /** default 10 MiB and 5 files of each container run */
  readonly logLimits?: LogLimits;
  /** false: images are never removed. Default true */
  readonly imageGc?: boolean;
}

/** What the engine needs of the agent. */
export interface PodEngineDeps {
  readonly store: DesiredStore;
  readonly records: RecordStore;
  readonly uplink: Uplink;
  /** Did the cloud say in this session that the store holds everything that this node shall have? */
  readonly isInventoryComplete: () => boolean;
  /** Called each time that becomes true. Returns the unsubscriber. */
  readonly onInventoryComplete: (listener: () => void) => () => void;
  readonly cri: Cri;
  readonly node: {
    readonly name: string;
    readonly ip: string;
    /** as the node reports it to the API */
    readonly allocatable: () => Allocatable;
  };
  readonly options: PodEngineOptions;
  readonly log: AgentLog;
  readonly clock?: Clock;
  readonly registry?: Registry;
  readonly mounter?: Mounter;
}

/** What the agent does with pods. */
export interface PodEngine {
  /** Looks at the runtime once, adopts what runs, and begins to bring about what the store wants. */
  start(): Promise<void>;
  /** Stops deciding; every container runs on. */
  stop(): void;
  /** Did the runtime answer lately? False makes the node not ready. */
  runtimeHealthy(): boolean;
  /** `containerd://1.6.20`; undefined until it has answered once */
  runtimeVersion(): string | undefined;
  /** Names of the runtime's conditions that are false, with their reasons. */
  runtimeProblems(): readonly { readonly type: string; readonly reason: string; readonly message: string }[];
  /** Pods that the engine looks after, by uid. */
  podCount(): number;
  /** The latest status of a pod that the engine looks after. */
  statusOf(uid: string): PodStatus | undefined;
}
