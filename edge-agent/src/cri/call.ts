// SPDX-License-Identifier: Apache-2.0
import type { Client, ServiceError } from "@grpc/grpc-js";
import type { ServiceMethod } from "@longshore/crds/cri";
import { CriError, toCriError } from "./errors.ts";

interface CallOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Name of a call as errors tell it. */
export const methodName = <Q, A>(method: ServiceMethod<Q, A>): string =>
  method.path.slice(method.path.lastIndexOf("/") + 1);

/** One call with a deadline. @throws {CriError} */
export function unary<Request, Response>(
  client: Client,
  method: ServiceMethod<Request, Response>,
  request: Request,
  options: CallOptions,
): Promise<Response> {
  const name = methodName(method);
  return new Promise<Response>((resolve, reject) => {
    const done = (error: ServiceError | null, response?: Response): void => {
      options.signal?.removeEventListener("abort", cancel);
      if (error) reject(toCriError(name, error));
      else if (response === undefined) reject(new CriError("RUNTIME", name, "empty answer"));
      else resolve(response);
    };
    const call = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      { deadline: Date.now() + options.timeoutMs },
      done,
    );
    function cancel(): void {
      call.cancel();
    }
    options.signal?.addEventListener("abort", cancel, { once: true });
    if (options.signal?.aborted === true) cancel();
  });
}

/** Answers "not found" as done: removing or stopping what is gone has reached its goal. */
export async function settled(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof CriError && error.code === "NOT_FOUND")) throw error;
  }
}

/** @throws {CriError} RUNTIME when the runtime left out what it must answer */
export function required<T>(value: T | undefined, method: string, what = "a status"): T {
  if (value === undefined) throw new CriError("RUNTIME", method, `answer without ${what}`);
  return value;
}
