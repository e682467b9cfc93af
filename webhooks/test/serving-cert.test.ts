// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CertError, readServingCert, watchServingCert } from "../src/serving-cert.ts";
import { selfSigned } from "./certificate.ts";

describe("the serving certificate", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "longshore-cert-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));
  const read = (cert: string, key: string) => {
    const files = { certFile: join(dir, "tls.crt"), keyFile: join(dir, "tls.key") };
    writeFileSync(files.certFile, cert);
    writeFileSync(files.keyFile, key);
    return readServingCert(files);
  };

  it("is taken when it belongs to its key", async () => {
    const { cert, key } = await selfSigned();
    expect(read(cert, key)).toEqual({ cert, key });
  });

  it("is refused when a file is empty, as while it is being written, or of another pair, without a word of the key", async () => {
    const [{ cert, key }, other] = [await selfSigned(), await selfSigned()];
    for (const [c, k] of [
      ["", key],
      [cert, ""],
      ["broken", key],
      [cert.slice(0, 100), key],
      [cert, other.key],
    ] as const) {
      expect(() => read(c, k)).toThrow(CertError);
      expect(() => read(c, k)).not.toThrow("PRIVATE");
    }
  });

  it("is followed when certificate and key lie in two folders, whichever changes last", async () => {
    const [old, next] = [await selfSigned(), await selfSigned()];
    const [certFile, keyFile] = ["cert", "key"].map((name) => join(dir, name, "tls.pem")) as [string, string];
    for (const [file, text] of [
      [certFile, old.cert],
      [keyFile, old.key],
    ] as const) {
      mkdirSync(dirname(file));
      writeFileSync(file, text);
    }
    let failures = 0;
    let stop: (() => void) | undefined;
    const isSeen = await new Promise<boolean>((resolve) => {
      const tooLate = setTimeout(() => resolve(false), 20_000);
      stop = watchServingCert(
        { certFile, keyFile },
        {
          changed: ({ cert }) => {
            if (cert !== next.cert) return;
            clearTimeout(tooLate);
            resolve(true);
          },
          failed: () => {
            if (failures++ === 0) setImmediate(() => writeFileSync(keyFile, next.key));
          },
        },
      );
      writeFileSync(certFile, next.cert);
    });
    stop?.();
    expect({ isSeen, hasFailedBefore: failures > 0 }).toEqual({ isSeen: true, hasFailedBefore: true });
  });
});
