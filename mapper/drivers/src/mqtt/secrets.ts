// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { readPasswordFile, SecretError } from "../files/index.ts";
import type { Place } from "./place.ts";

export const SECRET_NAMES = ["username", "password", "ca", "cert", "key"] as const;
export type BrokerSecrets = Partial<Record<(typeof SECRET_NAMES)[number], string>>;

/** `mqtt.broker.local_8883.password`: bound to a broker, so that no Device sends it to another. */
export const secretFileName = ({ host, port }: Pick<Place, "host" | "port">, name: string): string =>
  `mqtt.${host}_${port}.${name}`;

/** What the folder has for a broker. @throws {SecretError} for what is there and cannot be read */
export async function secretsOf(dir: string | undefined, place: Place): Promise<BrokerSecrets> {
  if (dir === undefined) return {};
  const pairs = await Promise.all(
    SECRET_NAMES.map(
      async (name) => [name, await read(join(dir, secretFileName(place, name)), dir)] as const,
    ),
  );
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
}

async function read(path: string, dir: string): Promise<string | undefined> {
  try {
    return await readPasswordFile(path, [dir]);
  } catch (error) {
    if (error instanceof SecretError && isMissing(error.cause)) return undefined;
    throw error;
  }
}

const isMissing = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT";
