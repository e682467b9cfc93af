// SPDX-License-Identifier: Apache-2.0
import { ApiError, type Client, type Clock } from "@longshore/operators/runtime";

type Object_ = { metadata: { name: string; resourceVersion: string; annotations?: Record<string, string> } };
type SecretObject = Object_ & { data: Record<string, string> };
type Configuration = Object_ & { webhooks: { name: string; clientConfig: { caBundle?: string } }[] };

const refuse = (code: number, reason: string): never => {
  throw new ApiError({ code, reason, message: reason });
};

/** Secrets and webhook configurations with versions and conflicts as the API server has them. */
export class FakeCluster {
  secret: SecretObject | undefined;
  configuration: Configuration | undefined = {
    metadata: { name: "hooks", resourceVersion: "1" },
    webhooks: [
      { name: "a", clientConfig: {} },
      { name: "b", clientConfig: {} },
    ],
  };
  mutating: Configuration | undefined = {
    metadata: { name: "hooks", resourceVersion: "1" },
    webhooks: [{ name: "c", clientConfig: {} }],
  };
  isDown = false;
  writes = 0;
  #version = 1;

  /** What runs between a read and whatever follows it, once. */
  afterRead: (() => void) | undefined;

  caBundle(index = 0, configuration = this.configuration): string {
    const text = configuration?.webhooks[index]?.clientConfig.caBundle ?? "";
    return Buffer.from(text, "base64").toString();
  }

  secretText(key: string): string {
    return Buffer.from(this.secret?.data[key] ?? "", "base64").toString();
  }

  readonly client = {
    get: (resource: { plural: string }) => this.#answer(() => this.#get(resource.plural)),
    create: (_resource: object, object: SecretObject) =>
      this.#answer(() => {
        if (this.secret !== undefined) refuse(409, "AlreadyExists");
        this.secret = this.#next(object);
        return this.secret;
      }),
    update: (_resource: object, object: SecretObject) =>
      this.#answer(() => {
        if (this.secret === undefined) return refuse(404, "NotFound");
        if (object.metadata.resourceVersion !== this.secret.metadata.resourceVersion) refuse(409, "Conflict");
        this.secret = this.#next(object);
        return this.secret;
      }),
    patch: (
      { plural }: { plural: string },
      _name: object,
      patch: { body: { path: string; value: string }[] },
    ) => this.#answer(() => this.#patch(plural, patch.body)),
  } as unknown as Client;

  #get(plural: string): unknown {
    const found = plural === "secrets" ? this.secret : this.#configuration(plural);
    const copy: unknown = found === undefined ? refuse(404, "NotFound") : structuredClone(found);
    const hook = this.afterRead;
    this.afterRead = undefined;
    hook?.();
    return copy;
  }

  #configuration(plural: string): Configuration | undefined {
    return plural === "mutatingwebhookconfigurations" ? this.mutating : this.configuration;
  }

  #patch(plural: string, [lock, ...changes]: { path: string; value: string }[]): unknown {
    const configuration = this.#configuration(plural) ?? refuse(404, "NotFound");
    if (lock?.value !== configuration.metadata.resourceVersion) refuse(409, "Conflict");
    const copy = structuredClone(configuration);
    for (const { path, value } of changes) {
      const index = Number(path.split("/")[2]);
      const webhook = copy.webhooks[index];
      if (webhook) webhook.clientConfig.caBundle = value;
    }
    const next = this.#next(copy);
    if (plural === "mutatingwebhookconfigurations") this.mutating = next;
    else this.configuration = next;
    return next;
  }

  #next<T extends Object_>(object: T): T {
    this.writes++;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
  }

  async #answer<T>(make: () => T): Promise<T> {
    await Promise.resolve();
    if (this.isDown) refuse(0, "ConnectionFailed");
    return make();
  }
}

/** A clock that stands until it is moved. */
export class ManualClock implements Clock {
  ms = Date.UTC(2026, 0, 1);
  nowMs(): number {
    return this.ms;
  }
  wallMs(): number {
    return this.ms;
  }
  schedule(delayMs: number, task: () => void): () => void {
    const timer = setTimeout(task, Math.min(delayMs, 1));
    return () => clearTimeout(timer);
  }
}
