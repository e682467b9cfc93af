// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { EdgeApplication } from "@longshore/crds/apps";
import { createGuard } from "../../src/edge-application/guard.ts";
import { ApiError, silentLog, type Client, type KubeObject } from "../../src/runtime/index.ts";

const meta = { name: "shop", uid: "u1", resourceVersion: "1" };
const app = (labels: Record<string, string>, targets: EdgeApplication["status"] = {}): EdgeApplication =>
  ({
    metadata: { ...meta, namespace: "shop", labels },
    spec: { workloadScope: {} },
    status: targets,
  }) as unknown as EdgeApplication;
const PROTECTED = { "longshore.io/protected": "true" };
const GUARDED = { "longshore.io/guarded": "true" };

interface Case {
  readonly what: string;
  readonly apps: readonly EdgeApplication[];
  readonly labels?: Record<string, string>;
  readonly writes: number;
}

describe("the guard of namespaces", () => {
  const run = async (
    apps: readonly EdgeApplication[],
    namespace: KubeObject | undefined,
    fails?: ApiError,
  ) => {
    const written: unknown[] = [];
    const patch = (...[, name, { body }]: Parameters<Client["patch"]>): Promise<never> => {
      written.push([name, body]);
      return fails ? Promise.reject(fails) : Promise.resolve({} as never);
    };
    const guard = createGuard({
      client: { patch: patch },
      apps: { list: () => apps },
      namespaces: { get: () => namespace },
    });
    const { signal } = new AbortController();
    await guard({ namespace: "", name: "shop" }, { signal, log: silentLog, reconcileID: "r" } as never);
    return written;
  };

  it.each<Case>([
    { what: "a protected application", apps: [app({}), app(PROTECTED)], writes: 1 },
    {
      what: "an application with a target in a protected group",
      apps: [app({}, { targets: [{ name: "a" }, { name: "b", protected: true }] })],
      writes: 1,
    },
    { what: "nothing protected", apps: [app({ "longshore.io/protected": "false" })], writes: 0 },
    { what: "no application", apps: [], writes: 0 },
    { what: "one that is labelled already", apps: [app(PROTECTED)], labels: GUARDED, writes: 0 },
  ])("labels a namespace with $what: $writes", async ({ apps, labels = {}, writes }) => {
    const written = await run(apps, { metadata: { ...meta, labels } });
    const body = { metadata: { uid: "u1", labels: GUARDED } };
    expect(written).toEqual(Array.from({ length: writes }, () => [{ name: "shop" }, body]));
  });

  it("takes a namespace that is gone for done, and tries again what was refused", async () => {
    expect(await run([app(PROTECTED)], undefined)).toEqual([]);
    const error = (code: number, reason: string): ApiError => new ApiError({ code, reason, message: "" });
    const namespace = { metadata: meta };
    await expect(run([app(PROTECTED)], namespace, error(404, "NotFound"))).resolves.toHaveLength(1);
    await expect(run([app(PROTECTED)], namespace, error(409, "Conflict"))).rejects.toThrow();
  });
});
