// SPDX-License-Identifier: Apache-2.0
import type { ReviewRequest, Verdict } from "./review.ts";
import { fieldOf, misfit } from "./shape.ts";
import { isJudged } from "./verdict.ts";

type Decide = (request: ReviewRequest) => Verdict | Promise<Verdict>;

/**
 * Hands to `decide` only objects whose spec has the types of their schema, so that no rule has to doubt them. A spec
 * that is to be judged and is of others is refused; an old one of others counts for none, so that it can be put right.
 *
 * @param schemas of the kind by version; another version is read by the first
 */
export function fitting(schemas: Readonly<Record<string, object | undefined>>, decide: Decide): Decide {
  return (request) => {
    const schema = fieldOf(schemas[request.kind.version] ?? Object.values(schemas)[0], "spec");
    const { object, oldObject } = request;
    if (!isJudged(request)) return decide(request);
    const fault = faultIn(schema, object);
    if (fault !== undefined) return { allowed: false, code: 422, message: fault };
    const isOldGood = oldObject === undefined || faultIn(schema, oldObject) === undefined;
    return decide(isOldGood ? request : { ...request, oldObject: {} });
  };
}

function faultIn(schema: object, object: unknown): string | undefined {
  const { spec = {} } = (object ?? {}) as { readonly spec?: unknown };
  return misfit(schema, spec, "spec");
}
