// SPDX-License-Identifier: Apache-2.0
// The library does not end everything that it begins with a server that breaks off in the middle.

/** What goes on after an abort is not waited for; its end is nobody's business. */
export async function orAborted<T>(start: () => Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([start(), aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** How long the end of something is waited for. Less than the SDK gives a call. */
const END_MS = 1_000;

/** Waits for an end, a failed one too, and not for ever. Never rejects. */
export async function endsSoon(end: Promise<unknown> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, END_MS);
  });
  await Promise.race([Promise.resolve(end).catch(() => undefined), late]);
  clearTimeout(timer);
}
