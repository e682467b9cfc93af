// SPDX-License-Identifier: Apache-2.0
import type { DeviceModelProperty, DeviceModelSpec } from "@longshore/crds/devices";
import { kinds } from "@longshore/crds/kinds";
import { isNotFound, type Client, type Clock, type KubeObject } from "@longshore/operators/runtime";

/** The model's rules; `missing` when it is not there, `unknown` when it could not be read. */
export type ModelAnswer = DeviceModelSpec | "missing" | "unknown";

export interface ModelReader {
  /** Never rejects. @param options.isFresh read from the API server, consistently */
  read(namespace: string, name: string, options?: { readonly isFresh?: boolean }): Promise<ModelAnswer>;
}

export interface ModelReaderDeps {
  readonly client: Pick<Client, "get">;
  readonly clock: Clock;
  /** A model could not be read. */
  failed(error: unknown): void;
}

export interface ModelReaderLimits {
  /** How long a model is good enough to admit by. Default 1 s. */
  readonly ttlMs?: number;
  /** One read; two must fit into the webhook's timeout. Default 1 s. */
  readonly timeoutMs?: number;
  /** Reads at a time; more are answered `unknown`. Default 32. */
  readonly maxReads?: number;
  /** Properties kept in memory, of all models. Default 50,000. */
  readonly maxProperties?: number;
}

interface Entry {
  readonly spec: DeviceModelSpec;
  readonly untilMs: number;
}

interface ModelObject extends KubeObject {
  readonly spec?: DeviceModelSpec;
}

const DEFAULTS = { ttlMs: 1_000, timeoutMs: 1_000, maxReads: 32, maxProperties: 50_000 };

/** Without an API server: nothing is known of any model. */
export const unknownModels: ModelReader = { read: () => Promise.resolve("unknown") };

/** Reads models with a bounded cache in front: one read at a time of each, absent ones not remembered. */
export function createModelReader(deps: ModelReaderDeps, limits: ModelReaderLimits = {}): ModelReader {
  return new CachedModels(deps, { ...DEFAULTS, ...limits });
}

class CachedModels implements ModelReader {
  readonly #deps: ModelReaderDeps;
  readonly #limits: Required<ModelReaderLimits>;
  /** Oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #reads = new Map<string, Promise<ModelAnswer>>();
  #properties = 0;

  constructor(deps: ModelReaderDeps, limits: Required<ModelReaderLimits>) {
    this.#deps = deps;
    this.#limits = limits;
  }

  read(namespace: string, name: string, { isFresh = false } = {}): Promise<ModelAnswer> {
    const key = `${namespace}/${name}`;
    const cached = this.#entries.get(key);
    if (!isFresh && cached !== undefined && this.#deps.clock.nowMs() < cached.untilMs)
      return Promise.resolve(cached.spec);
    // A consistent read is not shared: one that began earlier may be older than what its asker knows.
    if (isFresh) return this.#fetch(namespace, name, isFresh);
    const running = this.#reads.get(key);
    if (running !== undefined) return running;
    if (this.#reads.size >= this.#limits.maxReads) return Promise.resolve("unknown");
    const read = this.#fetch(namespace, name, isFresh).finally(() => this.#reads.delete(key));
    this.#reads.set(key, read);
    return read;
  }

  async #fetch(namespace: string, name: string, isFresh: boolean): Promise<ModelAnswer> {
    const key = `${namespace}/${name}`;
    const { timeoutMs } = this.#limits;
    try {
      const options = { timeoutMs, ...(!isFresh && { resourceVersion: "0" }) };
      const model = await this.#deps.client.get<ModelObject>(kinds.DeviceModel, { namespace, name }, options);
      const spec = reduced(model.spec);
      this.#keep(key, spec);
      return spec;
    } catch (error) {
      if (isNotFound(error)) {
        this.#drop(key);
        return "missing";
      }
      this.#deps.failed(error);
      return "unknown";
    }
  }

  #keep(key: string, spec: DeviceModelSpec): void {
    this.#drop(key);
    this.#entries.set(key, { spec, untilMs: this.#deps.clock.nowMs() + this.#limits.ttlMs });
    this.#properties += weight(spec);
    for (const oldest of this.#entries.keys()) {
      if (this.#properties <= this.#limits.maxProperties) return;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#properties -= weight(entry.spec);
    this.#entries.delete(key);
  }
}

/** An empty model counts too. */
const weight = ({ properties }: DeviceModelSpec): number => 1 + (properties?.length ?? 0);

/** Only what is judged by is kept. */
function reduced(spec: DeviceModelSpec | undefined): DeviceModelSpec {
  const properties = (spec?.properties ?? []).map(
    ({ name, type, accessMode, minimum, maximum }): DeviceModelProperty => ({
      ...(name !== undefined && { name }),
      ...(type !== undefined && { type }),
      ...(accessMode !== undefined && { accessMode }),
      ...(minimum !== undefined && { minimum }),
      ...(maximum !== undefined && { maximum }),
    }),
  );
  return { properties };
}
