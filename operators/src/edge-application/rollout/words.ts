// SPDX-License-Identifier: Apache-2.0
import type { Policy } from "./policy.ts";
import type { PrePullState, Words } from "./port.ts";
import { batchText, type Status } from "./state.ts";

/** The condition RolledOut. */
export function rolledOutOf(status: Status): Words {
  const { phase = "", reason, message = "" } = status;
  const type = "RolledOut";
  if (phase === "Completed") return { type, status: "True", reason: "Completed", message: sentence(message) };
  const how = {
    Paused: "stands",
    RollingBack: "goes back to the stable revision",
    RolledBack: "went back",
    Failed: "stands",
  };
  const done = how[phase as keyof typeof how] as string | undefined;
  const text = done === undefined ? message : `${message}; the rollout ${done}`;
  return { type, status: "False", reason: reason ?? "InProgress", message: sentence(text) };
}

/** The condition Paused: whether by the user or by a failure. */
export function pausedOf(status: Status, { isPaused }: Policy): Words {
  const type = "Paused";
  const { message = "", resumePhase } = status;
  if (status.phase === "Paused" && !(isPaused && resumePhase === "RollingBack"))
    return { type, status: "True", reason: "Paused", message: sentence(message) };
  if (isPaused) {
    const text = "spec.rollout.paused is true; nothing more is changed";
    return { type, status: "True", reason: "Paused", message: sentence(text) };
  }
  return { type, status: "False", reason: "NotPaused", message: "Changes are carried out." };
}

/** The condition ImagesPrePulled, of a batch's images. */
export function prePulledOf(status: Status, answer: PrePullState | { readonly state: "nothing" }): Words {
  const type = "ImagesPrePulled";
  const of = batchText(status);
  switch (answer.state) {
    case "nothing":
      return { type, status: "True", reason: "Pulled", message: `There are no new images for ${of}.` };
    case "pulled":
      return { type, status: "True", reason: "Pulled", message: `The images of ${of} are there.` };
    case "pulling":
      return { type, status: "False", reason: "Pulling", message: `The images of ${of} are being pulled.` };
    case "failed":
      return { type, status: "False", reason: "PullFailed", message: sentence(`${of}: ${answer.message}`) };
    case "absent":
      return {
        ...{ type, status: "Unknown", reason: "NoController" },
        message: `Nobody carries out pre-pull jobs: hosts of ${of} pull images when their pods start.`,
      };
  }
}

export const notPrePulled: Words = {
  ...{ type: "ImagesPrePulled", status: "Unknown", reason: "Skipped" },
  message: "spec.rollout.prePull.enabled is false: hosts pull images when their pods start.",
};

function sentence(text: string): string {
  const trimmed = text.trim();
  const begun = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return begun === "" || /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
