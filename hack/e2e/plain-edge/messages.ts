// SPDX-License-Identifier: Apache-2.0
// What a KubeEdge edge hears and says about jobs, in both dialects. Pure: text in, text out.
import { randomUUID } from "node:crypto";

/** An order as it came. */
export interface JobOrder {
  readonly dialect: "v1alpha2" | "v1alpha1";
  /** nodeupgradejob, imageprepulljob, configupdatejob; of v1alpha1: upgrade, prepull */
  readonly type: string;
  readonly job: string;
  readonly resource: string;
  readonly content: Readonly<Record<string, unknown>>;
}

interface Message {
  readonly route: { readonly group?: string; readonly operation?: string; readonly resource?: string };
  readonly content: unknown;
}

/** @returns undefined for any other frame */
export function readOrder(text: string): JobOrder | undefined {
  if (!text.includes('"taskmanager"')) return undefined;
  const { route, content } = JSON.parse(text) as Message;
  const { group, operation = "", resource = "" } = route;
  if (group !== "taskmanager") return undefined;
  const segments = resource.split("/");
  const fields = content as JobOrder["content"];
  if (segments[0] === "operations.kubeedge.io" && operation === "Check")
    return {
      dialect: "v1alpha2",
      type: segments[2] ?? "",
      job: segments[3] ?? "",
      resource,
      content: fields,
    };
  return { dialect: "v1alpha1", type: operation, job: segments[1] ?? "", resource, content: fields };
}

const FLOWS: Readonly<Record<string, readonly string[]>> = {
  nodeupgradejob: ["Check", "WaitingConfirmation", "BackUp", "Upgrade"],
  imageprepulljob: ["Check", "Pull"],
  configupdatejob: ["Check", "BackUp", "Update"],
};
const UNDONE = "RollBack";

/** Every step that an edge takes on an order of v1alpha2, one report each; a failing one fails in its last step. */
export function answersOf(order: JobOrder, succeeds: boolean): string[] {
  const steps = FLOWS[order.type] ?? [];
  const last = steps.at(-1);
  const taken = succeeds || order.type === "imageprepulljob" ? steps : [...steps, UNDONE];
  return taken.map((action) => {
    const succ = succeeds || action !== last;
    const report = { action, succ, finishTime: new Date().toISOString(), reason: succ ? "" : "it broke" };
    return frame(order.resource, "UpdateNodeActionStatus", { ...report, extend: extendOf(order, action) });
  });
}

function extendOf({ type, content }: JobOrder, action: string): string {
  if (action === "Pull") {
    const { images = [] } = (content["imagePrePullTemplate"] ?? {}) as { images?: readonly string[] };
    return JSON.stringify(images.map((image) => ({ image, status: "True" })));
  }
  const tells = type === "nodeupgradejob" && ["BackUp", "Upgrade", UNDONE].includes(action);
  return tells ? `v1.22.0,${String(content["version"])}` : "";
}

const EVENTS: Readonly<Record<string, string>> = {
  Checking: "Check",
  BackingUp: "Backup",
  Upgrading: "Upgrade",
  Pulling: "Pull",
};

/** The one report of an order of v1alpha1: the cloud drives each state. @param node its own name */
export function oldAnswerOf(order: JobOrder, node: string, succeeds: boolean): string {
  const state = String(order.content["State"]);
  const isLast = state === "Upgrading" || state === "Pulling";
  const content = {
    ...{
      NodeName: node,
      Event: EVENTS[state] ?? "Init",
      Action: succeeds || !isLast ? "Success" : "Failure",
    },
    ...{ Reason: succeeds || !isLast ? "" : "it broke", Time: new Date().toISOString(), ExternalMessage: "" },
  };
  return frame(`task/${order.job}/node/${node}`, order.type, content);
}

const frame = (resource: string, operation: string, content: unknown): string =>
  JSON.stringify({
    header: { msg_id: randomUUID(), timestamp: Date.now() },
    route: { source: "websocket", group: "hub", operation, resource },
    content,
  });
