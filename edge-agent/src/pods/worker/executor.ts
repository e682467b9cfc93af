// SPDX-License-Identifier: Apache-2.0
import { mkdir, rm } from "node:fs/promises";
import { containerConfig, containerMounts, removeRun, targetIdOf } from "../container/index.ts";
import { logDir } from "../identity/index.ts";
import {
  type Container,
  containerNamed,
  type DataObject,
  messageOf,
  type ObservedContainer,
  type ObservedPod,
  type Pod,
  type PodContainer,
  PodError,
  podNamespace,
  podUid,
  readySandbox,
} from "../model/index.ts";
import type { Action, Wait } from "../plan/index.ts";
import { runHandler } from "../probes/index.ts";
import { limitPodCgroup, podCgroup, podLimits, removePodCgroup } from "../resources/index.ts";
import { podCgroupOf, sandboxConfig } from "../sandbox/index.ts";
import { environment, type FieldContext } from "../values/index.ts";
import { mountVolumes, refreshVolumes, removeVolumes, type VolumeRun } from "../volumes/index.ts";
import { Attempts } from "./attempts.ts";
import type { PodContext } from "./context.ts";
import { Faults } from "./faults.ts";
import type { Journal } from "./journal.ts";
import type { PodIdentity } from "./state.ts";

type ActionOf<K extends Action["kind"]> = Extract<Action, { kind: K }>;

/** A start that failed is shown this long; after that its back-off is. */
const START_SHOWN_MS = 1_000;
const CREATE_PAUSE = { baseMs: 2_000, capMs: 60_000 } as const;
const HOOK_CAP_MS = 120_000;
/** Waits for an image that are told, and what a kubelet calls the event; a back-off only repeats them. */
const IMAGE_EVENTS: Readonly<Record<string, string>> = {
  ErrImagePull: "Failed",
  ErrImageNeverPull: "ErrImageNeverPull",
  InvalidImageName: "InspectFailed",
};
/** Why a container does not start yet; nothing when it was started. */
export type Outcome = { readonly wait?: Wait };

/** Carries out single actions of one pod against the runtime and the file system. Decides nothing. */
export class Executor {
  readonly #context: PodContext;
  readonly #journal: Journal;
  readonly #attempts: Attempts;
  readonly #wake: () => void;
  readonly #faults: Faults;

  constructor(context: PodContext, journal: Journal, wake: () => void) {
    this.#context = context;
    this.#journal = journal;
    this.#attempts = new Attempts(context.cri, journal);
    this.#wake = wake;
    this.#faults = new Faults(context.clock, CREATE_PAUSE);
  }

  podIps(pod: Pod, observed: ObservedPod | undefined): readonly string[] {
    if (pod.spec.hostNetwork === true) return [this.#context.node.ip];
    const sandbox = readySandbox(observed);
    return sandbox && sandbox.ip !== "" ? [sandbox.ip, ...sandbox.additionalIps] : [];
  }

  /** @throws {PodError} */
  async mountVolumes(pod: Pod): Promise<void> {
    await mountVolumes(this.#volumeRun(pod, undefined));
  }

  /** @throws {PodError} */
  async refreshVolumes(pod: Pod, observed: ObservedPod | undefined): Promise<void> {
    const changed = await refreshVolumes(this.#volumeRun(pod, observed));
    if (changed.length > 0)
      this.#context.log.info({ pod: pod.metadata.name, volumes: changed }, "volumes updated");
  }

  /** @throws {PodError} HOST */
  async unmountVolumes(uid: string): Promise<void> {
    await removeVolumes({ paths: this.#context.options, mounter: this.#context.mounter }, uid);
  }

  /** @throws {CriError} */
  async createSandbox(pod: Pod, action: ActionOf<"createSandbox">): Promise<void> {
    const { cri, options } = this.#context;
    const config = sandboxConfig(pod, action.attempt, options, this.#context.hostDns());
    await mkdir(config.logDirectory ?? "", { recursive: true, mode: 0o755 });
    await cri.runPodSandbox(config, "");
    this.#journal.writeSoon({ sandboxAttempt: action.attempt });
    const refused = await limitPodCgroup(podCgroupOf(pod, options), podLimits(pod));
    if (refused.length > 0)
      this.#context.log.debug({ pod: pod.metadata.name, refused }, "pod cgroup limits not set");
  }

  /** @throws {CriError | PodError} */
  async startContainer(
    pod: Pod,
    action: ActionOf<"startContainer">,
    observed: ObservedPod | undefined,
  ): Promise<Outcome> {
    const wanted = containerNamed(pod, action.name);
    if (!wanted) throw new PodError("INVALID", `no container named ${action.name}`);
    const { container } = wanted;
    const image = await this.#context.images.ensure({
      container,
      startKey: `${podUid(pod)}/${container.name}/${action.attempt}`,
      secrets: () => this.#pullSecrets(pod),
      wake: this.#wake,
    });
    if (image.kind === "wait") {
      this.#tellOfImage(pod, container, image.wait);
      return { wait: image.wait };
    }
    try {
      this.#faults.clear(`${container.name}/image`);
      const id = await this.#make(pod, wanted, { action, observed, image: image.image });
      return await this.#firstStart(pod, wanted, id, observed);
    } catch (error) {
      const isConfig = error instanceof PodError;
      const { reason, message, delayMs } = this.#fault(pod, container, {
        reason: isConfig ? "CreateContainerConfigError" : "CreateContainerError",
        error,
      });
      return { wait: { reason, message, untilMs: this.#context.clock.monotonicMs() + delayMs } };
    }
  }

  /** @throws {CriError | StoreError} */
  async start(pod: Pod, wanted: PodContainer, id: string, observed: ObservedPod | undefined): Promise<void> {
    const { cri, events } = this.#context;
    const { container } = wanted;
    await this.#attempts.start(wanted, id);
    events.emit(pod, {
      type: "Normal",
      reason: "Started",
      message: `Started container ${container.name}`,
      container: container.name,
    });
    const hook = container.lifecycle?.postStart;
    if (!hook) return;
    const result = await runHandler(hook, this.#target(pod, container, id, observed));
    if (result.ok) return;
    events.emit(pod, {
      type: "Warning",
      reason: "FailedPostStartHook",
      message: result.message,
      container: container.name,
    });
    await cri.stopContainer(id, 0);
  }

  /** Runs preStop within the grace, then stops with what is left of it. @throws {CriError} */
  async kill(
    pod: Pod | undefined,
    victim: ObservedContainer,
    kill: { deadlineMs: number; withHook: boolean },
  ): Promise<void> {
    const { cri, clock } = this.#context;
    const leftMs = (): number => Math.max(0, kill.deadlineMs - clock.monotonicMs());
    const container = pod && containerNamed(pod, victim.name)?.container;
    const hook = container?.lifecycle?.preStop;
    if (pod && kill.withHook && hook && leftMs() > 0) {
      const target = {
        ...this.#target(pod, container, victim.id, undefined),
        timeoutMs: Math.min(leftMs(), HOOK_CAP_MS),
      };
      await runHandler(hook, target);
    }
    await cri.stopContainer(victim.id, Math.ceil(leftMs() / 1000));
  }

  /** Removes a dead container, and with it the files of that run: a crash loop must not fill the disk. @throws {CriError} */
  async removeContainer(pod: PodIdentity, id: string, observed: ObservedPod | undefined): Promise<void> {
    const { cri, options } = this.#context;
    await cri.removeContainer(id);
    const dead = observed?.containers.find((c) => c.id === id);
    if (dead) await removeRun(options, pod, dead);
  }

  /** Gives back cgroups and logs of a pod that is over. */
  async cleanUp(pod: PodIdentity): Promise<void> {
    const { options } = this.#context;
    for (const qos of ["Guaranteed", "Burstable", "BestEffort"] as const) {
      await removePodCgroup(podCgroup(options.cgroupParent, options.cgroupDriver, pod.uid, qos));
    }
    await rm(logDir(options, pod), { recursive: true, force: true });
    await this.#context.tokens.forget(pod.uid);
  }

  #target(
    pod: Pod,
    container: Container,
    containerId: string,
    observed: ObservedPod | undefined,
  ): Parameters<typeof runHandler>[1] {
    const ip = this.podIps(pod, observed)[0] ?? this.#context.node.ip;
    return { cri: this.#context.cri, containerId, container, ip, timeoutMs: HOOK_CAP_MS };
  }

  #fields(pod: Pod, observed: ObservedPod | undefined): FieldContext {
    const { node } = this.#context;
    return {
      pod,
      nodeName: node.name,
      hostIp: node.ip,
      podIps: this.podIps(pod, observed),
      allocatable: node.allocatable,
    };
  }

  #volumeRun(pod: Pod, observed: ObservedPod | undefined): VolumeRun {
    const { options, mounter, tokens } = this.#context;
    const objects = this.#context.objects(podNamespace(pod));
    return {
      pod,
      paths: options,
      mounter,
      fields: this.#fields(pod, observed),
      sources: { objects, token: (p, projection) => tokens.get(p, projection) },
    };
  }

  async #pullSecrets(pod: Pod): Promise<readonly DataObject[]> {
    const objects = this.#context.objects(podNamespace(pod));
    const names = (pod.spec.imagePullSecrets ?? []).map((s) => s.name ?? "").filter(Boolean);
    const read = (name: string): Promise<DataObject | undefined> =>
      objects.get("secret", name).catch((err: unknown) => {
        this.#context.log.warn({ pod: pod.metadata.name, secret: name, err }, "pull secret not read");
        return undefined;
      });
    const found = await Promise.all(names.map(read));
    return found.filter((secret) => secret !== undefined);
  }

  async #make(
    pod: Pod,
    wanted: PodContainer,
    run: {
      action: ActionOf<"startContainer">;
      observed: ObservedPod | undefined;
      image: { ref: string; user: { uid: bigint | undefined; name: string } };
    },
  ): Promise<string> {
    const { options, limits, events } = this.#context;
    const { container } = wanted;
    const { attempt, sandboxId } = run.action;
    const env = await environment(container, {
      ...this.#fields(pod, run.observed),
      objects: this.#context.objects(podNamespace(pod)),
    });
    const podIps = this.podIps(pod, run.observed);
    const clusterDomain = options.clusterDns.domain;
    const mounts = await containerMounts({
      paths: options,
      pod,
      container,
      attempt,
      env,
      podIps,
      clusterDomain,
    });
    const config = containerConfig(pod, container, {
      attempt,
      imageRef: run.image.ref,
      imageUser: run.image.user,
      env,
      mounts,
      limits,
      targetId: targetIdOf(container, run.observed, sandboxId),
    });
    const sandboxAttempt = run.observed?.sandboxes.find((s) => s.id === sandboxId)?.attempt ?? 0;
    const sandbox = sandboxConfig(pod, sandboxAttempt, options, this.#context.hostDns());
    const id = await this.#attempts.create(wanted, { attempt, sandboxId, config, sandbox });
    events.emit(pod, {
      type: "Normal",
      reason: "Created",
      message: `Created container: ${container.name}`,
      container: container.name,
    });
    return id;
  }

  async #firstStart(
    pod: Pod,
    wanted: PodContainer,
    id: string,
    observed: ObservedPod | undefined,
  ): Promise<Outcome> {
    try {
      await this.start(pod, wanted, id, observed);
      this.#faults.clear(wanted.container.name);
      return {};
    } catch (error) {
      const { reason, message } = this.#fault(pod, wanted.container, { reason: "RunContainerError", error });
      return { wait: { reason, message, untilMs: this.#context.clock.monotonicMs() + START_SHOWN_MS } };
    }
  }

  /** Tells why an image is not there: at each change, not at each try. */
  #tellOfImage(pod: Pod, container: Container, { reason, message }: Wait): void {
    const event = IMAGE_EVENTS[reason];
    if (event === undefined) return;
    const { log, events } = this.#context;
    const { isNews, isDue } = this.#faults.note(`${container.name}/image`, `${reason}: ${message}`);
    const { name } = container;
    if (isNews) log.warn({ pod: pod.metadata.name, container: name, reason, message }, "no image");
    if (isDue) events.emit(pod, { type: "Warning", reason: event, message, container: name });
  }

  /** Tells of a container that does not start: at each change, not at each try. */
  #fault(
    pod: Pod,
    container: Container,
    { reason, error }: { reason: string; error: unknown },
  ): { readonly reason: string; readonly message: string; readonly delayMs: number } {
    const { log, events } = this.#context;
    const message = messageOf(error).slice(0, 500);
    const { delayMs, isNews, isDue } = this.#faults.note(container.name, `${reason}: ${message}`);
    const line = { pod: pod.metadata.name, container: container.name, reason, err: error };
    if (isNews) log.warn(line, "container not started");
    else log.debug(line, "container not started");
    if (isDue) {
      const event = { message: `Error: ${message}`, container: container.name };
      events.emit(pod, { type: "Warning", reason: "Failed", ...event });
    }
    return { reason, message, delayMs };
  }
}
