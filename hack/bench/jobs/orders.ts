// SPDX-License-Identifier: Apache-2.0
// What a simulated edge reads and says about an ImagePrePullJob. Pure: text in, text out.
import { attemptOf, formatTaskResource, REPORT_OPERATION, type ActionReport } from "@longshore/crds/tasks";
import { encodeFrame, newFrame } from "@longshore/crds/wire";

/** A task that a hub ordered of an edge. */
export interface TaskOrder {
  readonly job: string;
  readonly uid: string;
  readonly attempt: number;
  readonly images: readonly string[];
}

/** Resource of a pushed order: `null/imageprepulljob/<job>` */
const RESOURCE = /^null\/imageprepulljob\/[^/]+$/;

/** Whether a push carries an order, by its resource and operation alone. */
export const isOrder = (resource: string, operation: string): boolean =>
  operation !== "delete" && RESOURCE.test(resource);

interface Ordered {
  readonly content: {
    readonly metadata: {
      readonly name: string;
      readonly uid: string;
      readonly annotations?: Readonly<Record<string, string>>;
    };
    readonly spec: { readonly imagePrePullTemplate: { readonly images: readonly string[] } };
  };
}

/** @param text of a frame for which `isOrder` holds */
export function readOrder(text: string): TaskOrder {
  const { metadata, spec } = (JSON.parse(text) as Ordered).content;
  return {
    ...{ job: metadata.name, uid: metadata.uid, attempt: attemptOf(metadata.annotations) },
    images: spec.imagePrePullTemplate.images,
  };
}

/** A step that has ended. */
export interface TakenStep {
  readonly action: "Check" | "Pull";
  /** RFC 3339 */
  readonly time: string;
}

/** A report as our agent makes it: KubeEdge's fields about the last step, ours about the whole task. */
export function reportOf(order: TaskOrder, steps: readonly TakenStep[]): ActionReport {
  const { action, time } = steps.at(-1) ?? { action: "Check", time: "" };
  const images = order.images.map((image) => ({ image, status: "True" as const }));
  const actions = steps.map((step) => ({ ...step, status: "True" as const }));
  return {
    ...{
      action,
      succ: true,
      finishTime: time,
      reason: "",
      extend: action === "Pull" ? JSON.stringify(images) : "",
    },
    ...{ uid: order.uid, attempt: order.attempt, actions },
    ...(action === "Pull" && { images }),
  };
}

/** A report as a frame that its hub answers. */
export function reportFrame(
  node: string,
  order: TaskOrder,
  report: ActionReport,
): { readonly id: string; readonly text: string } {
  const resource = formatTaskResource({
    ...{ dialect: "v1alpha2", kind: "ImagePrePullJob", job: order.job, node },
  });
  const route = { source: "websocket", group: "hub", operation: REPORT_OPERATION, resource };
  const frame = newFrame({ ...route, content: report });
  return { id: frame.header.msg_id, text: encodeFrame(frame) };
}

/** What a hub answered to a request. */
export interface Answer {
  readonly to: string;
  readonly isOk: boolean;
}

/** @returns undefined for what answers nothing */
export function readAnswer(text: string): Answer | undefined {
  const to = /"parent_msg_id":"([^"]+)"/.exec(text.slice(0, 600))?.[1];
  if (to === undefined) return undefined;
  return { to, isOk: !/"operation":"error"/.test(text.slice(0, 600)) };
}
