// SPDX-License-Identifier: Apache-2.0
import type { Client, KubeObject, Resource } from "../../runtime/client.ts";
import { isAlreadyExists, isConflict, isNotFound } from "../../runtime/errors.ts";

const SECRETS: Resource = { group: "", version: "v1", plural: "secrets", kind: "Secret", namespaced: true };

/** Data of a Secret, decoded. */
export type SecretData = Readonly<Record<string, Buffer>>;

interface SecretObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface StoredSecret {
  readonly data: SecretData;
  readonly resourceVersion: string;
}

/**
 * The few Secrets that the hubs share. Whoever writes first wins, and everybody else reads that.
 *
 * Methods throw ApiError.
 */
export class SecretStore {
  readonly #client: Client;
  readonly #namespace: string;

  constructor(client: Client, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  async read(name: string): Promise<StoredSecret | undefined> {
    try {
      const secret = await this.#client.get<SecretObject>(SECRETS, { namespace: this.#namespace, name });
      return stored(secret);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** @returns what is stored afterwards: `data`, or what another hub stored before */
  async createIfAbsent(name: string, data: SecretData): Promise<StoredSecret> {
    try {
      return stored(await this.#client.create<SecretObject>(SECRETS, this.#object(name, data)));
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const existing = await this.read(name);
      return existing ?? (await this.createIfAbsent(name, data));
    }
  }

  /** Replaces what was read, unless somebody else did so before. @returns what is stored afterwards */
  async replace(name: string, data: SecretData, previous: StoredSecret | undefined): Promise<StoredSecret> {
    if (previous === undefined) return await this.createIfAbsent(name, data);
    try {
      const object = this.#object(name, data, previous.resourceVersion);
      return stored(await this.#client.update<SecretObject>(SECRETS, object));
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
      return (await this.read(name)) ?? (await this.createIfAbsent(name, data));
    }
  }

  #object(name: string, data: SecretData, resourceVersion?: string): object {
    const encoded = Object.entries(data).map(([key, value]) => [key, value.toString("base64")]);
    return {
      apiVersion: "v1",
      kind: "Secret",
      type: "Opaque",
      metadata: {
        name,
        namespace: this.#namespace,
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      data: Object.fromEntries(encoded) as Record<string, string>,
    };
  }
}

function stored(secret: SecretObject): StoredSecret {
  const data = Object.entries(secret.data ?? {}).map(
    ([key, value]) => [key, Buffer.from(value, "base64")] as const,
  );
  return { data: Object.fromEntries(data), resourceVersion: secret.metadata.resourceVersion };
}
