// SPDX-License-Identifier: Apache-2.0
import type { LoginSecret } from "../../images/index.ts";
import { errorOf, isGone } from "../../pods/cloud/index.ts";
import type { Uplink } from "../../tunnel/port.ts";

/** Where a Secret with logins is had from; what it holds is kept nowhere. */
export type AskSecret = (
  secret: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
) => Promise<LoginSecret>;

/** Why there are no logins. */
export class SecretError extends Error {
  override readonly name = "SecretError";
  readonly code: "NOT_FOUND" | "REFUSED" | "UNREACHABLE";
  /** Asking again may help: the cloud is away, or has not yet heard what this node may read. */
  readonly retryable: boolean;
  constructor(code: SecretError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code !== "NOT_FOUND";
  }
}

/** Asks the cloud, as pods do for the Secrets they name. */
export function createAskSecret(uplink: Pick<Uplink, "request">, timeoutMs: number): AskSecret {
  return async ({ namespace, name }, signal) => {
    const resource = `${namespace}/secret/${name}`;
    const request = { operation: "query", resource, content: null };
    const frame = await uplink.request(request, { timeoutMs, signal }).catch((cause: unknown) => {
      throw new SecretError("UNREACHABLE", `Secret ${namespace}/${name}: the cloud cannot be asked`, {
        cause,
      });
    });
    const failure = errorOf(frame);
    if (failure && isGone(failure))
      throw new SecretError("NOT_FOUND", `Secret ${namespace}/${name} does not exist`);
    if (failure || !isSecret(frame.content))
      throw new SecretError(
        "REFUSED",
        `Secret ${namespace}/${name}: the cloud does not give it to this node`,
      );
    return frame.content;
  };
}

const isSecret = (content: unknown): content is LoginSecret =>
  typeof content === "object" && content !== null && !Array.isArray(content);
