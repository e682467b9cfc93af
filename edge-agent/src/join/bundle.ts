// SPDX-License-Identifier: Apache-2.0
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { JoinError } from "./errors.ts";
import type { Identity } from "./identity.ts";

/**
 * Where an identity is kept. The bundle is one file, so a crash at any moment leaves the old identity or the new one,
 * never a key without its certificate (KubeEdge writes three files in place). KubeEdge's three files are read where
 * there is no bundle, so that a node that was an EdgeCore needs no new token; they are never written.
 */
export interface IdentityPaths {
  readonly bundle: string;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** File operations that can fail half-way; injected by the tests that make them fail. */
export interface BundleFs {
  readonly writeSync: (fd: number, text: string) => number;
  readonly fsyncSync: (fd: number) => void;
  readonly closeSync: (fd: number) => void;
  readonly renameSync: (from: string, to: string) => void;
}

const realFs: BundleFs = { writeSync: (fd, text) => writeSync(fd, text), fsyncSync, closeSync, renameSync };

/** Writes the bundle: temporary file, fsync, rename, fsync of the directory. On failure the old bundle is as before. */
export function writeBundle(path: string, identity: Identity, fs: BundleFs = realFs): void {
  const temporary = `${path}.new`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    rmSync(temporary, { force: true });
    const text = `${JSON.stringify({ version: 1, ...identity }, undefined, 2)}\n`;
    withFile(fs, openSync(temporary, "wx", 0o600), (fd) => {
      if (fs.writeSync(fd, text) !== Buffer.byteLength(text)) throw new Error("short write");
      fs.fsyncSync(fd);
    });
    fs.renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  withFile(fs, openSync(dirname(path), "r"), (fd) => fs.fsyncSync(fd));
}

function withFile(fs: BundleFs, fd: number, use: (fd: number) => void): void {
  try {
    use(fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  fs.closeSync(fd);
}

/**
 * Reads the identity, or undefined where there is none.
 *
 * @throws {JoinError} PERMISSION when the key can be read by others, IDENTITY when a file cannot be parsed
 */
export function readIdentity(paths: IdentityPaths): Identity | undefined {
  const bundle = readSecret(paths.bundle);
  if (bundle !== undefined) return parseBundle(bundle);
  const key = readSecret(paths.keyFile);
  const [ca, cert] = [readIfThere(paths.caFile), readIfThere(paths.certFile)];
  return key !== undefined && ca !== undefined && cert !== undefined ? { ca, cert, key } : undefined;
}

const MAX_FILE_BYTES = 64 * 1024;

function readIfThere(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isFile() || stat.size > MAX_FILE_BYTES)
    throw new JoinError("IDENTITY", `${path} is not a key or certificate`);
  return readFileSync(path, "utf8");
}

function readSecret(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat !== undefined && (stat.mode & 0o077) !== 0) {
    throw new JoinError("PERMISSION", `${path} can be read by others: run chmod 600 ${path}`);
  }
  return readIfThere(path);
}

function parseBundle(text: string): Identity {
  try {
    const { ca, cert, key } = JSON.parse(text) as Partial<Identity>;
    if (typeof ca === "string" && typeof cert === "string" && typeof key === "string")
      return { ca, cert, key };
  } catch {
    // said below
  }
  throw new JoinError("IDENTITY", "the identity file cannot be parsed");
}
