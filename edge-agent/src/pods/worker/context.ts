// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import type { Cri } from "../../cri/index.ts";
import type { AgentLog } from "../../log.ts";
import type { RecordStore } from "../../store/port.ts";
import type { Uplink } from "../../tunnel/port.ts";
import type { PodEvents, Tokens } from "../cloud/index.ts";
import type { Images } from "../images/index.ts";
import type { Allocatable, DataObjects, ObservedPod } from "../model/index.ts";
import type { LimitContext } from "../resources/index.ts";
import type { ResolvConf, SandboxOptions } from "../sandbox/index.ts";
import type { StatusSender } from "../status/index.ts";
import type { Mounter } from "../volumes/index.ts";

/** Everything that the workers of all pods share. */
export interface PodContext {
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly records: RecordStore;
  readonly uplink: Uplink;
  readonly sender: StatusSender;
  readonly images: Images;
  readonly tokens: Tokens;
  readonly events: PodEvents;
  readonly mounter: Mounter;
  readonly objects: (namespace: string) => DataObjects;
  readonly node: {
    readonly name: string;
    readonly ip: string;
    readonly allocatable: () => Allocatable;
  };
  readonly options: SandboxOptions & { readonly requestTimeoutMs: number };
  readonly limits: LimitContext;
  readonly hostDns: () => ResolvConf;
  /** A look at the runtime that begins after this call. @throws {CriError} */
  readonly relist: () => Promise<void>;
  readonly countAction: (action: string, ok: boolean) => void;
}

/** What the runtime shows of one pod; `synced` is false while it does not answer. */
export type ObservedView = () => { readonly synced: boolean; readonly pod: ObservedPod | undefined };
