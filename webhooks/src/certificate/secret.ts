// SPDX-License-Identifier: Apache-2.0
import {
  isAlreadyExists,
  isConflict,
  isNotFound,
  type Client,
  type KubeObject,
  type Resource,
} from "@longshore/operators/runtime";
import { readMaterial, writeMaterial, type Material, type SecretData } from "./material.ts";

const SECRETS: Resource = { group: "", version: "v1", plural: "secrets", kind: "Secret", namespaced: true };
/** `kubectl annotate secret … longshore.io/rotate=now` makes a new CA. */
export const ROTATE_ANNOTATION = "longshore.io/rotate";

interface SecretObject extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** The Secret as it was read; `material` is undefined when its content cannot be used. */
export interface Stored {
  readonly material: Material | undefined;
  readonly isRotationWanted: boolean;
  /** For the write that follows. */
  readonly object: SecretObject;
}

export interface WriteOptions {
  /** The write starts the rotation that was wished for: the wish is taken off. */
  readonly grantsRotation?: boolean;
}

export interface CertificateSecret {
  /** @throws {ApiError} */
  read(): Promise<Stored | undefined>;
  /** Only if it is still as it was read. @returns false when somebody else was faster @throws {ApiError} */
  write(material: Material, before: Stored | undefined, options?: WriteOptions): Promise<boolean>;
}

/** The one Secret that all replicas share: whoever writes first wins, and everybody else reads that. */
export function openCertificateSecret(
  client: Client,
  name: { readonly namespace: string; readonly name: string },
  call: { readonly timeoutMs: number; readonly signal: AbortSignal },
): CertificateSecret {
  return {
    async read() {
      try {
        return stored(await client.get<SecretObject>(SECRETS, name, call));
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    async write(material, before, { grantsRotation = false } = {}) {
      const data = encode(writeMaterial(material));
      try {
        if (before === undefined) await client.create(SECRETS, newSecret(name, data), call);
        else await client.update(SECRETS, { ...withMetadata(before.object, grantsRotation), data }, call);
        return true;
      } catch (error) {
        // Gone meanwhile is as good as changed meanwhile: the next look decides.
        if (isAlreadyExists(error) || isConflict(error) || isNotFound(error)) return false;
        throw error;
      }
    },
  };
}

const newSecret = (name: object, data: SecretData): object => ({
  metadata: { ...name, labels: { "app.kubernetes.io/part-of": "longshore" } },
  type: "kubernetes.io/tls",
  data,
});

function withMetadata(object: SecretObject, grantsRotation: boolean): SecretObject {
  if (!grantsRotation) return object;
  const annotations = Object.entries(object.metadata.annotations ?? {});
  const kept = Object.fromEntries(annotations.filter(([key]) => key !== ROTATE_ANNOTATION));
  return { ...object, metadata: { ...object.metadata, annotations: kept } };
}

function stored(object: SecretObject): Stored {
  const data = Object.entries(object.data ?? {}).map(
    ([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")] as const,
  );
  return {
    material: readMaterial(Object.fromEntries(data)),
    isRotationWanted: object.metadata.annotations?.[ROTATE_ANNOTATION] !== undefined,
    object,
  };
}

const encode = (data: SecretData): SecretData =>
  Object.fromEntries(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")] as const),
  );
