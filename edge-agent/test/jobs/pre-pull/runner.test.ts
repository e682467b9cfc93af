// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { Image } from "@longshore/crds/cri";
import type { Frame } from "@longshore/crds/wire";
import { CriError } from "../../../src/cri/index.ts";
import { createAskSecret, createPrePullRunner, type PrePullDeps } from "../../../src/jobs/pre-pull/index.ts";
import type { StepContext, StepOutcome } from "../../../src/jobs/port.ts";
import { HandClock, settle } from "../../pods/hand-clock.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const SECRET = {
  data: {
    ".dockerconfigjson": base64(
      JSON.stringify({ auths: { "r.io": { username: "u", password: "pass-word" } } }),
    ),
  },
};

type Template = Record<string, unknown>;

/** A runtime, a cloud and a store that do what the test says. */
class World {
  readonly clock = new HandClock();
  readonly pulls: string[] = [];
  readonly logins: unknown[] = [];
  readonly progress: string[] = [];
  readonly asked: string[] = [];
  readonly logged: unknown[] = [];
  readonly kept: unknown[] = [];
  readonly stop = new AbortController();
  readonly present = new Set<string>();
  readonly bad = new Map<string, number>();
  atOnce = 0;
  mostAtOnce = 0;
  freeShare = 0.5;
  hasRuntime = true;
  hold: Promise<void> | undefined;
  answer: () => unknown = () => SECRET;
  note: unknown;

  deps(options: PrePullDeps["options"] = {}): PrePullDeps {
    const log = (fields: unknown): void => void this.logged.push(fields);
    return {
      images: () => (this.hasRuntime ? this.#images() : undefined),
      secret: createAskSecret({ request: ({ resource }) => this.#ask(resource) }, 1_000),
      freeShare: () => Promise.resolve(this.freeShare),
      clock: this.clock,
      random: () => 0.5,
      log: { error: log, warn: log, info: log, debug: log },
      options,
    };
  }

  #images(): NonNullable<ReturnType<PrePullDeps["images"]>> {
    return {
      imageStatus: (image) =>
        Promise.resolve(
          this.present.has(image) ? ({ id: "x", repoDigests: [image] } as unknown as Image) : undefined,
        ),
      imageFsInfo: () => Promise.resolve([{ fsId: { mountpoint: "/images" } }] as never),
      pullImage: async (image, { auth, signal }) => {
        this.pulls.push(image);
        if (auth) this.logins.push(auth);
        this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
        const cut = new Promise<never>((_resolve, reject) => {
          signal?.addEventListener("abort", () =>
            reject(new CriError("CANCELLED", "PullImage", "cancelled")),
          );
        });
        cut.catch(() => undefined);
        try {
          await Promise.race([this.hold ?? Promise.resolve(), cut]);
          const left = this.bad.get(image) ?? 0;
          if (left > 0) {
            this.bad.set(image, left - 1);
            throw new CriError(
              "RUNTIME",
              "PullImage",
              `${image}: denied for u with pass-word\nat the registry`,
            );
          }
        } finally {
          this.atOnce--;
        }
        return image;
      },
    };
  }

  #ask(resource: string): Promise<Frame> {
    this.asked.push(resource);
    const content = this.answer();
    if (content instanceof Error) return Promise.reject(content);
    // Our hub refuses with an operation of its own and a plain text, a CloudCore within the object.
    const operation = typeof content === "string" && content !== "OK" ? "error" : "response";
    return Promise.resolve({ route: { operation }, content } as unknown as Frame);
  }

  context(template: Template): StepContext {
    const spec = { imagePrePullTemplate: { nodeNames: ["n"], ...template } };
    return {
      order: { kind: "ImagePrePullJob", name: "j", uid: "u", attempt: 1, spec },
      signal: this.stop.signal,
      note: () => this.note,
      keep: (note) => {
        this.kept.push(note);
        this.note = note;
        return Promise.resolve();
      },
      progress: (text) => void this.progress.push(text),
    };
  }

  /** Runs Pull to its end; time passes as often as needed. */
  async pull(template: Template, options?: PrePullDeps["options"]): Promise<StepOutcome> {
    let end: StepOutcome | undefined;
    const run = createPrePullRunner(this.deps(options)).run("Pull", this.context(template));
    const ended = run.then((outcome) => (end = outcome));
    for (let i = 0; end === undefined && i < 500; i++) {
      await settle();
      await this.clock.advance(60_000);
    }
    return ended;
  }
}

const status = (outcome: StepOutcome): unknown =>
  "images" in outcome ? outcome.images.map(({ image, status: word }) => [image, word]) : outcome;

describe("a pre-pull job on a node", () => {
  it("A33 tells of each image, tries the bad one twice, and names it in the job's reason", async () => {
    const w = new World();
    w.bad.set("bad/none:1", 9);
    const outcome = await w.pull({ images: ["busybox:1.36", "bad/none:1"], retryTimes: 1 });
    expect(status(outcome)).toEqual([
      ["busybox:1.36", "True"],
      ["bad/none:1", "False"],
    ]);
    expect(w.pulls.filter((image) => image === "bad/none:1")).toHaveLength(2);
    expect(outcome).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^1 of 2 images were not pulled: bad\/none:1: PullImage: .*denied/),
    });
  });

  it("is done when every image is there, though some needed another try", async () => {
    const w = new World();
    w.bad.set("a:1", 2);
    expect(await w.pull({ images: ["a:1", "b:1"], retryTimes: 2 })).toMatchObject({ ok: true });
    expect(w.pulls).toEqual(["a:1", "b:1", "a:1", "a:1"]);
  });

  it("waits half a second before the second try, and longer before each further one", async () => {
    const w = new World();
    w.bad.set("a:1", 9);
    const run = createPrePullRunner(w.deps()).run("Pull", w.context({ images: ["a:1"], retryTimes: 3 }));
    const seen: number[] = [];
    for (const ms of [624, 1, 1249, 1, 2499, 1]) {
      await settle();
      await w.clock.advance(ms);
      await settle();
      seen.push(w.pulls.length);
    }
    expect(seen).toEqual([1, 2, 2, 3, 3, 4]);
    expect(await run).toMatchObject({ ok: false });
  });

  it.each([
    [undefined, 2],
    [5, 5],
    [1, 1],
  ])("with parallel %p pulls at most %d images at once", async (parallel, most) => {
    const w = new World();
    const images = Array.from({ length: 12 }, (_, i) => `a:${i}`);
    expect(await w.pull({ images }, parallel === undefined ? {} : { parallel })).toMatchObject({ ok: true });
    expect([w.mostAtOnce, w.pulls.length]).toEqual([most, 12]);
  });

  it("takes an image that is there as pulled, by its tag or its digest", async () => {
    const w = new World();
    for (const image of [`r.io/a@${DIGEST}`, "a:1"]) w.present.add(image);
    expect(await w.pull({ images: [`r.io/a@${DIGEST}`, "a:1", "b:1", "b:1"] })).toMatchObject({ ok: true });
    expect(w.pulls).toEqual(["b:1"]);
  });

  it("tells how many are there, how many failed and what it pulls", async () => {
    const w = new World();
    w.bad.set("b:1", 9);
    await w.pull({ images: ["a:1", "b:1", "c:1"] }, { parallel: 1 });
    expect([w.progress[0], w.progress.at(-1)]).toEqual([
      "0 of 3 images, pulling a:1",
      "2 of 3 images, 1 failed",
    ]);
    expect(w.progress).toContain("1 of 3 images, 1 failed, pulling c:1");
  });

  it("E2 cut after any image, goes on with the ones that are left", async () => {
    const w = new World();
    const images = ["a:1", "b:1", "c:1"];
    await w.pull({ images: images.slice(0, 1) }, { parallel: 1 });
    expect(await w.pull({ images }, { parallel: 1 })).toMatchObject({ ok: true });
    expect(w.pulls).toEqual(images);
  });

  it("E2 throws when the agent stops in the middle of a pull, and tells no failure", async () => {
    const w = new World();
    w.hold = new Promise(() => undefined);
    const run = createPrePullRunner(w.deps()).run("Pull", w.context({ images: ["a:1"], retryTimes: 5 }));
    await settle();
    w.stop.abort(new Error("stopping"));
    await expect(run).rejects.toThrow("stopping");
    expect([w.pulls, w.kept]).toEqual([["a:1"], []]);
  });

  it("does not pull into a full disk", async () => {
    const w = new World();
    w.freeShare = 0.04;
    expect(await w.pull({ images: ["a:1"] })).toMatchObject({
      ok: false,
      reason: expect.stringContaining("no room for images: 4.0 % of their disk is free"),
    });
    expect(w.pulls).toEqual([]);
  });

  it("without a container runtime says so", async () => {
    const w = new World();
    w.hasRuntime = false;
    expect(await w.pull({ images: ["a:1"] })).toMatchObject({
      ok: false,
      reason: expect.stringContaining("no container runtime"),
    });
  });
});

describe("the Secret of a pre-pull job", () => {
  const private3 = { images: ["r.io/a:1", "r.io/b:1", "other.io/c:1"], imageSecrets: "default/regcred" };

  it("is asked for once, and goes to the registries that it names alone", async () => {
    const w = new World();
    expect(await w.pull(private3)).toMatchObject({ ok: true });
    expect(w.asked).toEqual(["default/secret/regcred"]);
    const login = { username: "u", password: "pass-word", identityToken: "" };
    expect(w.logins).toEqual([login, login]);
  });

  it("is not asked for when nothing has to be pulled", async () => {
    const w = new World();
    w.present.add(`r.io/a@${DIGEST}`);
    await w.pull({ images: [`r.io/a@${DIGEST}`], imageSecrets: "default/regcred" });
    expect(w.asked).toEqual([]);
  });

  it("S10 stands in no reason, log, progress or record", async () => {
    const w = new World();
    w.bad.set("r.io/a:1", 9);
    const outcome = await w.pull(private3);
    const everything = JSON.stringify([outcome, w.logged, w.progress, w.kept]);
    expect(everything).toContain("denied for u with ***");
    expect(everything).not.toMatch(/pass-word|\\n/);
  });

  it.each<[string, () => unknown, RegExp, number]>([
    [
      "does not exist",
      () => ({ ErrStatus: { code: 404, reason: "NotFound", message: "no" } }),
      /Secret default\/regcred does not exist/,
      1,
    ],
    ["is not given", () => ({ ErrStatus: { code: 403, message: "no" } }), /does not give it to this node/, 5],
    ["does not exist for our hub", () => `NOT_FOUND: secrets "regcred" not found`, /does not exist/, 1],
    ["is not given by our hub", () => "FORBIDDEN: not granted", /does not give it to this node/, 5],
    ["cannot be asked for", () => new Error("offline"), /the cloud cannot be asked/, 5],
    ["holds no logins", () => ({ data: { ".dockerconfigjson": base64("{}") } }), /holds no logins/, 1],
    ["is no object", () => "OK", /does not give it to this node/, 5],
  ])("fails the images when it %s", async (_what, answer, reason, asks) => {
    const w = new World();
    w.answer = answer;
    expect(await w.pull({ ...private3, retryTimes: 3 })).toMatchObject({
      ok: false,
      reason: expect.stringMatching(reason),
    });
    expect([w.pulls, w.asked.length]).toEqual([[], asks]);
  });

  it("is asked for again when the cloud was away", async () => {
    const w = new World();
    w.answer = () => (w.asked.length < 3 ? new Error("offline") : SECRET);
    expect(await w.pull(private3)).toMatchObject({ ok: true });
    expect(w.asked).toHaveLength(3);
  });
});

describe("the spec of a pre-pull job", () => {
  const faults = (spec: unknown): readonly string[] => createPrePullRunner(new World().deps()).faults(spec);
  const template = (fields: Template): unknown => ({ imagePrePullTemplate: { nodeNames: ["n"], ...fields } });

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["no template", {}],
    ["no images", template({})],
    ["no list of images", template({ images: "a:1" })],
    ["an image that is none", template({ images: ["a:1;reboot"] })],
    ["an image with an option", template({ images: ["--help"] })],
    ["a number for an image", template({ images: [1] })],
    ["too many images", template({ images: Array.from({ length: 501 }, (_, i) => `a:${i}`) })],
    ["a Secret without a namespace", template({ images: ["a:1"], imageSecrets: "regcred" })],
    ["a Secret that leads elsewhere", template({ images: ["a:1"], imageSecrets: "../default/regcred" })],
    ["endless tries", template({ images: ["a:1"], retryTimes: 1e9 })],
    ["tries in words", template({ images: ["a:1"], retryTimes: "1" })],
    ["fewer than no tries", template({ images: ["a:1"], retryTimes: -1 })],
    ["no nodes", { imagePrePullTemplate: { images: ["a:1"] } }],
  ])("S10 of %s is refused, whoever let it through", (_what, spec) => expect(faults(spec)).not.toEqual([]));

  it("A33 of KubeEdge's samples is taken, null for what is empty", () =>
    expect(
      faults(
        template({
          images: ["busybox:1.36", "bad/none:1"],
          checkItems: ["disk"],
          retryTimes: 1,
          failureTolerate: "0.3",
          timeoutSeconds: 180,
          imageSecrets: "default/regcred",
          labelSelector: null,
        }),
      ),
    ).toEqual([]));

  it("with faults pulls nothing at any step", async () => {
    const w = new World();
    const context = { ...w.context({ images: ["a b"] }) };
    for (const step of ["Check", "Pull", "Other"])
      expect(await createPrePullRunner(w.deps()).run(step, context)).toMatchObject({
        ok: false,
        unchanged: true,
      });
    expect(w.pulls).toEqual([]);
  });
});
