// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Config } from "../config/index.ts";
import type { Authority } from "../hub/join/index.ts";
import type { Clock, Log } from "../runtime/index.ts";
import type { StreamTls } from "../stream/index.ts";

/** What the stream port shows, and who is told when that changes. */
export interface StreamTlsSource {
  readonly tls: StreamTls;
  /** @returns stops telling */
  onChange(listener: (tls: StreamTls) => void): () => void;
}

export interface StreamTlsDeps {
  readonly config: Config;
  readonly authority: Pick<Authority, "tls" | "onChange">;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often the files are read again: whoever keeps them replaces them long before they expire. */
const REREAD_MS = 5 * 60_000;

/**
 * The hub's own certificate, or that of the files.
 *
 * @throws Error when the files cannot be used
 */
export async function openStreamTls(deps: StreamTlsDeps): Promise<StreamTlsSource> {
  const { config, authority } = deps;
  const { certFile, keyFile } = config.hub.stream;
  if (certFile === "" && keyFile === "")
    return { tls: authority.tls, onChange: (listener) => authority.onChange(listener) };
  if (certFile === "" || keyFile === "") throw new Error("hub.stream.certFile and keyFile go together");
  return new FileTls(deps, await readPair(certFile, keyFile));
}

type Pair = Pick<StreamTls, "cert" | "key">;

async function readPair(certFile: string, keyFile: string): Promise<Pair> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile, "utf8"), readFile(keyFile, "utf8")]);
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
      throw new Error("the key is not that of the certificate");
    return { cert, key };
  } catch (cause) {
    throw new Error(`hub.stream.certFile and keyFile cannot be used: ${String(cause)}`, { cause });
  }
}

class FileTls implements StreamTlsSource {
  readonly #deps: StreamTlsDeps;
  readonly #listeners = new Set<(tls: StreamTls) => void>();
  #pair: Pair;
  #stop: () => void = () => undefined;

  constructor(deps: StreamTlsDeps, pair: Pair) {
    this.#deps = deps;
    this.#pair = pair;
  }

  get tls(): StreamTls {
    // The other hubs believe their own CA alone.
    const { ca, cert, key } = this.#deps.authority.tls;
    return { ca, ...this.#pair, forHubs: { cert, key } };
  }

  onChange(listener: (tls: StreamTls) => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#watch();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stop();
    };
  }

  #watch(): void {
    const stopAuthority = this.#deps.authority.onChange(() => this.#tell());
    let cancel = (): void => undefined;
    const look = (): void => {
      if (this.#listeners.size === 0) return;
      cancel = this.#deps.clock.schedule(REREAD_MS, () => void this.#reread().then(look));
    };
    look();
    this.#stop = () => {
      stopAuthority();
      cancel();
    };
  }

  async #reread(): Promise<void> {
    const { certFile, keyFile } = this.#deps.config.hub.stream;
    try {
      const pair = await readPair(certFile, keyFile);
      if (pair.cert === this.#pair.cert && pair.key === this.#pair.key) return;
      this.#pair = pair;
      this.#deps.log.info({ certFile }, "certificate of the stream port replaced");
      this.#tell();
    } catch (err) {
      // Halfway through being replaced, perhaps: the next look finds both.
      this.#deps.log.warn(
        { err },
        "certificate of the stream port not read again, the one that is known stays",
      );
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.tls);
  }
}
