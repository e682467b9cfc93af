// SPDX-License-Identifier: Apache-2.0
import { open } from "node:fs/promises";
import { join } from "node:path";
import { SinkError, type Endpoint, type Secrets, type TargetKind } from "./port.ts";

/** The variables that a mapper of KubeEdge reads, and for what. */
const KUBEEDGE_NAMES: Partial<Record<TargetKind, Readonly<Record<string, string>>>> = {
  influxdb2: { token: "TOKEN" },
  redis: { password: "PASSWORD" },
  mysql: { password: "PASSWORD" },
  tdengine: { username: "USERNAME", password: "PASSWORD" },
};

const MAX_SECRET_BYTES = 64 * 1024;

export interface SecretsOptions {
  /** Folder of the files, as a mounted Secret; undefined: variables only. */
  readonly dir: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Name of the file with a secret: `influxdb2.db.local_8086.token`. */
export const secretFileName = (kind: TargetKind, { host, port }: Endpoint, name: string): string =>
  `${kind}.${host}_${port}.${name}`;

/**
 * Finds a secret anew each time, so that a changed one is taken at the next connect: the file of this server, else
 * the variable `LONGSHORE_<KIND>_<NAME>`, else the one that KubeEdge's mappers read. Only a file is bound to a server.
 */
export function createSecrets({ dir, env }: SecretsOptions): Secrets {
  return {
    read: async (kind, endpoint, name) => {
      const file = dir === undefined ? undefined : join(dir, secretFileName(kind, endpoint, name));
      const kubeEdge = KUBEEDGE_NAMES[kind]?.[name];
      return (
        (file === undefined ? undefined : await readSecret(file)) ??
        env[`LONGSHORE_${kind}_${name}`.toUpperCase()] ??
        (kubeEdge === undefined ? undefined : env[kubeEdge])
      );
    },
  };
}

async function readSecret(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, "r");
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_SECRET_BYTES + 1), 0);
      if (bytesRead > MAX_SECRET_BYTES) throw new Error("longer than a secret may be");
      return buffer.toString("utf8", 0, bytesRead).replace(/\r?\n$/, "");
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new SinkError("SECRET_UNREADABLE", "the file of a secret cannot be read", { cause: error });
  }
}

const isMissing = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT";
