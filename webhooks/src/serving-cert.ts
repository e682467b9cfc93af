// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, watch } from "node:fs";
import { dirname } from "node:path";

export interface ServingCert {
  readonly cert: string;
  readonly key: string;
}

export interface CertFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** The certificate cannot be served. The message names the file and holds nothing of the key. */
export class CertError extends Error {
  override readonly name = "CertError";
  readonly code = "SERVING_CERT";
  readonly exitCode = 78;
}

/** @throws {CertError} when a file is missing, or both are no pair */
export function readServingCert({ certFile, keyFile }: CertFiles): ServingCert {
  const pair = { cert: readText(certFile), key: readText(keyFile) };
  if (!isPair(pair)) throw new CertError(`${certFile} and ${keyFile} are no certificate with its key`);
  return pair;
}

/** TLS itself takes an empty text, as of a file that is just being written, and then has nothing to serve. */
function isPair({ cert, key }: ServingCert): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new CertError(`${file}: cannot be read`, { cause: error });
  }
}

/**
 * Tells of each change of the files. A mounted Secret is swapped as a whole directory, so the directories are watched.
 *
 * @returns stops watching
 */
export function watchServingCert(
  files: CertFiles,
  on: { changed(next: ServingCert): void; failed(error: unknown): void },
): () => void {
  const look = (): void => {
    try {
      on.changed(readServingCert(files));
    } catch (error) {
      on.failed(error);
    }
  };
  const folders = new Set([dirname(files.certFile), dirname(files.keyFile)]);
  const watchers = [...folders].map((folder) => watch(folder, look).on("error", (error) => on.failed(error)));
  return () => watchers.forEach((watcher) => watcher.close());
}
