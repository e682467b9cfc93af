// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import type { Cri } from "../../cri/index.ts";
import type { PodEvents } from "../cloud/index.ts";
import {
  allContainers,
  type Container,
  type ObservedContainer,
  type ObservedPod,
  type Pod,
  type Probe,
  readySandbox,
} from "../model/index.ts";
import type { ProbeResults } from "../plan/index.ts";
import { runHandler } from "./handlers.ts";

/** What probes need of the agent. */
export interface ProbeDeps {
  readonly cri: Cri;
  readonly clock: Clock;
  readonly events: PodEvents;
  /** where a pod on the host network answers */
  readonly node: { readonly ip: string };
}

type Kind = "startup" | "readiness" | "liveness";

interface Counter {
  readonly ok: boolean | undefined;
  readonly streak: number;
  readonly last: boolean | undefined;
}

const NONE: Counter = { ok: undefined, streak: 0, last: undefined };
const seconds = (value: number | undefined, fallback: number): number =>
  Math.max(value ?? fallback, 0) * 1000;

/** Counts one more answer: a verdict changes after as many equal answers in a row as the probe asks for. */
export function count(before: Counter, answer: boolean, probe: Probe): Counter {
  const streak = before.last === answer ? before.streak + 1 : 1;
  const needed = answer ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  return { ok: streak >= needed ? answer : before.ok, streak, last: answer };
}

/** The probes of one run of one container. */
class ContainerProbes {
  readonly id: string;
  readonly #counters: Record<Kind, Counter> = { startup: NONE, readiness: NONE, liveness: NONE };
  readonly #cancels = new Set<() => void>();
  readonly #run: (kind: Kind) => Promise<boolean>;
  readonly #container: Container;
  readonly #clock: Clock;
  readonly #changed: () => void;
  #stopped = false;

  constructor(
    id: string,
    container: Container,
    parts: { clock: Clock; run: (kind: Kind) => Promise<boolean>; changed: () => void },
  ) {
    this.id = id;
    this.#container = container;
    this.#clock = parts.clock;
    this.#run = parts.run;
    this.#changed = parts.changed;
    for (const kind of ["startup", "readiness", "liveness"] as const) {
      const probe = this.#probe(kind);
      if (probe) this.#later(seconds(probe.initialDelaySeconds, 0) || 50, kind, probe);
    }
  }

  results(): ProbeResults {
    const { startup, readiness, liveness } = this.#counters;
    const hasFailed = startup.ok === false || liveness.ok === false;
    return {
      ...(startup.ok !== undefined && { started: startup.ok }),
      ...(readiness.ok !== undefined && { ready: readiness.ok }),
      ...(hasFailed && { live: false }),
    };
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#cancels) cancel();
  }

  #probe(kind: Kind): Probe | undefined {
    const { startupProbe, readinessProbe, livenessProbe } = this.#container;
    return { startup: startupProbe, readiness: readinessProbe, liveness: livenessProbe }[kind];
  }

  #later(delayMs: number, kind: Kind, probe: Probe): void {
    const cancel = this.#clock.schedule(delayMs, () => {
      this.#cancels.delete(cancel);
      void this.#once(kind, probe);
    });
    this.#cancels.add(cancel);
  }

  async #once(kind: Kind, probe: Probe): Promise<void> {
    const isDue =
      kind === "startup" || this.#container.startupProbe === undefined || this.#counters.startup.ok === true;
    if (isDue) {
      const answer = await this.#run(kind);
      if (this.#stopped) return;
      const before = this.#counters[kind];
      this.#counters[kind] = count(before, answer, probe);
      if (this.#counters[kind].ok !== before.ok) this.#changed();
    }
    if (kind === "startup" && this.#counters.startup.ok === true) return;
    this.#later(seconds(probe.periodSeconds, 10) || 1_000, kind, probe);
  }
}

/** Runs the probes of a pod's running containers and keeps their verdicts. */
export class Prober {
  readonly #deps: ProbeDeps;
  readonly #changed: () => void;
  readonly #active = new Map<string, ContainerProbes>();

  constructor(deps: ProbeDeps, changed: () => void) {
    this.#deps = deps;
    this.#changed = changed;
  }

  results(): Readonly<Record<string, ProbeResults>> {
    return Object.fromEntries([...this.#active].map(([name, probes]) => [name, probes.results()]));
  }

  /** Follows what runs now: a new run of a container starts with fresh counts. */
  sync(pod: Pod | undefined, observed: ObservedPod | undefined): void {
    const running = new Map(
      (observed?.containers ?? []).filter((c) => c.phase === "running").map((c) => [c.name, c]),
    );
    for (const [name, probes] of this.#active) {
      if (running.get(name)?.id === probes.id) continue;
      probes.stop();
      this.#active.delete(name);
    }
    if (!pod) return;
    for (const { container } of allContainers(pod))
      this.#begin(pod, container, { running: running.get(container.name), observed });
  }

  stop(): void {
    for (const probes of this.#active.values()) probes.stop();
    this.#active.clear();
  }

  #begin(
    pod: Pod,
    container: Container,
    seen: { running: ObservedContainer | undefined; observed: ObservedPod | undefined },
  ): void {
    const { startupProbe, readinessProbe, livenessProbe } = container;
    const hasProbe = startupProbe ?? readinessProbe ?? livenessProbe;
    if (!hasProbe || !seen.running || this.#active.has(container.name)) return;
    const { id } = seen.running;
    const sandboxIp = readySandbox(seen.observed)?.ip ?? "";
    const ip = pod.spec.hostNetwork === true || sandboxIp === "" ? this.#deps.node.ip : sandboxIp;
    const run = async (kind: Kind): Promise<boolean> => {
      const probe = { startup: startupProbe, readiness: readinessProbe, liveness: livenessProbe }[kind];
      if (!probe) return true;
      const timeoutMs = seconds(probe.timeoutSeconds, 1);
      const result = await runHandler(probe, {
        cri: this.#deps.cri,
        containerId: id,
        container,
        ip,
        timeoutMs,
      });
      if (!result.ok) {
        const message = `${kind} probe failed: ${result.message}`;
        this.#deps.events.emit(pod, {
          type: "Warning",
          reason: "Unhealthy",
          message,
          container: container.name,
        });
      }
      return result.ok;
    };
    this.#active.set(
      container.name,
      new ContainerProbes(id, container, { clock: this.#deps.clock, run, changed: this.#changed }),
    );
  }
}
