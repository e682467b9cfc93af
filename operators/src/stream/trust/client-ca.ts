// SPDX-License-Identifier: Apache-2.0
import type { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import {
  ApiError,
  type Client,
  type Clock,
  type KubeObject,
  type Log,
  type Resource,
} from "../../runtime/index.ts";
import { parseBundle } from "./chain.ts";

const CONFIG_MAPS: Resource = {
  group: "",
  version: "v1",
  plural: "configmaps",
  kind: "ConfigMap",
  namespaced: true,
};
/** The API server writes here whom it believes, for servers that stand behind it. */
const AUTHENTICATION = { namespace: "kube-system", name: "extension-apiserver-authentication" };
const CLIENT_CA = "client-ca-file";
const READ_TIMEOUT_MS = 5_000;

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface ClientCaDeps {
  readonly client: Pick<Client, "get">;
  /** PEM file that is believed instead of the cluster's word. */
  readonly file?: string | undefined;
  /** PEM; believed when the cluster names no client CA, or does not tell us. */
  readonly clusterCa?: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly refreshMs: number;
  readonly retryMs: number;
  /** The CA became known, or another one. */
  readonly onChange: (authorities: readonly X509Certificate[]) => void;
}

/** Knows the CA of the API server's client certificate, and keeps knowing it. */
export class ClientCa {
  readonly #deps: ClientCaDeps;
  #known: string | undefined;
  #cancel: () => void = () => undefined;
  #isStopped = false;

  constructor(deps: ClientCaDeps) {
    this.#deps = deps;
  }

  /** Resolves after the first attempt, whatever came of it. */
  async start(): Promise<void> {
    await this.#refresh();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  async #refresh(): Promise<void> {
    const delayMs = await this.#readOnce();
    // Stopped while it was read, perhaps.
    if (this.#isStopped) return;
    this.#cancel = this.#deps.clock.schedule(delayMs, () => void this.#refresh());
  }

  /** @returns when to read again */
  async #readOnce(): Promise<number> {
    const { log, refreshMs, retryMs } = this.#deps;
    try {
      const pem = await this.#read();
      const authorities = parseBundle(pem);
      if (pem !== this.#known && !this.#isStopped) {
        this.#known = pem;
        log.info({ certificates: authorities.length }, "client CA of the API server read");
        this.#deps.onChange(authorities);
      }
      return refreshMs;
    } catch (err) {
      const isKnown = this.#known !== undefined;
      const delayMs = isKnown ? Math.min(refreshMs, retryMs * 10) : retryMs;
      const message = isKnown
        ? "client CA of the API server not read again, the one that is known stays"
        : "client CA of the API server not known, so nobody is served yet";
      log.warn({ err, delayMs }, message);
      return delayMs;
    }
  }

  async #read(): Promise<string> {
    const { file } = this.#deps;
    if (file !== undefined && file !== "") return await readFile(file, "utf8");
    const named = await this.#readConfigMap();
    const pem = named ?? this.#deps.clusterCa;
    if (pem === undefined) throw new Error("the cluster names no client CA, and no file is set");
    return pem;
  }

  /** @returns undefined when the cluster does not have it, or does not let us read it */
  async #readConfigMap(): Promise<string | undefined> {
    try {
      const map = await this.#deps.client.get<ConfigMap>(CONFIG_MAPS, AUTHENTICATION, {
        timeoutMs: READ_TIMEOUT_MS,
      });
      return map.data?.[CLIENT_CA];
    } catch (error) {
      if (error instanceof ApiError && (error.code === 403 || error.code === 404)) return undefined;
      throw error;
    }
  }
}
