// SPDX-License-Identifier: Apache-2.0
import type { DeviceProblem } from "./to-mapper/desired.ts";
import type { Trouble } from "./to-mapper/pauses.ts";
import type { DeviceState, DeviceVerdict, VerdictReason } from "./verdict.ts";

const MAX_MESSAGE_CHARS = 512;

/** What is known of one device. */
export interface DeviceFacts {
  readonly problem: DeviceProblem | undefined;
  /** The mapper of its protocol; undefined when none has registered. */
  readonly mapper: MapperFacts | undefined;
  /** What the mapper did when it was told of the device, or of its model, last. */
  readonly trouble: Trouble | undefined;
  /** What its mapper said last. */
  readonly reported: DeviceState | undefined;
}

/** What is known of one mapper. */
export interface MapperFacts {
  readonly name: string;
  readonly protocol: string;
  /** How long nobody has answered at its socket; undefined while somebody does. */
  readonly unreachableForMs: number | undefined;
  /** It has called since then: it lives, whatever its socket does. */
  readonly isHeard: boolean;
}

/** Limits of patience. */
export interface HealthLimits {
  /** a mapper that is away for less is not told of: it may be starting */
  readonly unreachableAfterMs: number;
}

type Found = Pick<DeviceVerdict, "state" | "reason" | "message">;

const found = (state: DeviceState, reason: VerdictReason, message: string): Found => ({
  state,
  reason,
  message,
});

const OF_PROBLEM: Readonly<
  Record<DeviceProblem["code"], { readonly state: DeviceState; readonly reason: VerdictReason }>
> = {
  NO_MODEL: { state: "unknown", reason: "ModelMissing" },
  NO_PROTOCOL: { state: "unknown", reason: "NoProtocol" },
  UNSUPPORTED: { state: "unhealthy", reason: "Unsupported" },
  VALUE: { state: "unhealthy", reason: "ValueInvalid" },
};

/** True once a mapper has been away for so long that its devices count as offline. */
export const isAway = ({ unreachableForMs, isHeard }: MapperFacts, limits: HealthLimits): boolean =>
  !isHeard && unreachableForMs !== undefined && unreachableForMs >= limits.unreachableAfterMs;

function ofProblem(problem: DeviceProblem | undefined): Found | undefined {
  if (problem === undefined) return undefined;
  const { state, reason } = OF_PROBLEM[problem.code];
  return found(state, reason, problem.message);
}

function ofMapper({ mapper, trouble, reported }: DeviceFacts, limits: HealthLimits): Found | undefined {
  if (mapper === undefined)
    return reported === undefined // something that reports without having registered serves it somehow
      ? found("unknown", "MapperMissing", "no mapper of its protocol has registered")
      : undefined;
  if (isAway(mapper, limits))
    return found("offline", "MapperUnreachable", `nobody answers at the socket of the mapper ${mapper.name}`);
  if (trouble?.kind === "hung")
    return found("unhealthy", "MapperHung", `the mapper ${mapper.name} does not answer: ${trouble.message}`);
  if (trouble?.kind === "refused")
    return found("unhealthy", "MapperRefuses", `the mapper ${mapper.name} refuses: ${trouble.message}`);
  return undefined;
}

/** Problems that keep the device from any mapper: what mappers do does not matter then. */
const isUnserved = (problem: DeviceProblem | undefined): boolean =>
  problem !== undefined && problem.code !== "VALUE";

/**
 * Why a device is in its state: the first fault on the way from its configuration to its mapper, else what the
 * mapper said. A wrong desired value comes last, for the device is served but for that.
 *
 * @returns undefined when all is well and its mapper has said nothing yet
 */
export function judge(facts: DeviceFacts, limits: HealthLimits): DeviceVerdict | undefined {
  const { problem, mapper, reported } = facts;
  const fault = isUnserved(problem) ? ofProblem(problem) : (ofMapper(facts, limits) ?? ofProblem(problem));
  const said = reported === undefined ? undefined : found(reported, "Reported", "");
  const verdict = fault ?? said;
  if (verdict === undefined) return undefined;
  const message = verdict.message.slice(0, MAX_MESSAGE_CHARS);
  return { ...verdict, message, ...(mapper !== undefined && { mapper: mapper.name }) };
}

/** A state that its mapper has not said yet, for when a fault has ended. */
export const silent = (mapper: string): DeviceVerdict => ({
  state: "unknown",
  reason: "Reported",
  message: "its mapper has said nothing yet",
  mapper,
});
