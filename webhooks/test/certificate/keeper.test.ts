// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { silentLog } from "@longshore/operators/runtime";
import { X509Certificate } from "node:crypto";
import {
  CertificateKeeper,
  openCertificateSecret,
  openConfigurations,
  ROTATE_ANNOTATION,
  type Credential,
} from "../../src/certificate/index.ts";
import { certificatesIn } from "../../src/certificate/material.ts";
import { selfSignedRsa } from "../certificate.ts";
import { FakeCluster, ManualClock } from "./fake-cluster.ts";

const VALIDATING = { type: "validating", name: "hooks" } as const;
const MUTATING = { type: "mutating", name: "hooks" } as const;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const OPTIONS = {
  hosts: ["longshore-webhooks.kubeedge.svc", "127.0.0.1"],
  lives: { caLifeMs: 300 * DAY_MS, servingLifeMs: 90 * DAY_MS },
  intervalMs: 3_000,
  settleMs: 10_000,
  overlapMs: HOUR_MS,
};

class Replica {
  readonly served: Credential[] = [];
  readonly actions: string[] = [];
  readonly keeper: CertificateKeeper;
  constructor(cluster: FakeCluster, clock: ManualClock, options: Partial<typeof OPTIONS> = {}) {
    const call = { timeoutMs: 1_000, signal: new AbortController().signal };
    this.keeper = new CertificateKeeper(
      {
        secret: openCertificateSecret(cluster.client, { namespace: "kubeedge", name: "tls" }, call),
        configurations: openConfigurations(cluster.client, [VALIDATING, MUTATING], call),
        clock,
        log: silentLog,
        observer: {
          acted: (action, result) => this.actions.push(result === "ok" ? action : `${action}!`),
          failed: () => undefined,
          expiry: () => undefined,
        },
        serve: (credential) => this.served.push(credential),
      },
      { ...OPTIONS, ...options },
    );
  }
  get current(): X509Certificate {
    return new X509Certificate(this.served.at(-1)?.certificate ?? "");
  }
  look(): Promise<boolean> {
    return this.keeper.look();
  }
}

describe("the certificate keeper", () => {
  let cluster: FakeCluster;
  let clock: ManualClock;
  let one: Replica;
  beforeEach(() => {
    cluster = new FakeCluster();
    clock = new ManualClock();
    one = new Replica(cluster, clock);
  });

  /** Of every webhook of both configurations. */
  const bundles = (): string[] => [
    ...[0, 1].map((index) => cluster.caBundle(index)),
    cluster.caBundle(0, cluster.mutating),
  ];
  const trusts = (certificate: X509Certificate): boolean =>
    bundles().every((bundle) =>
      certificatesIn(bundle).some((ca) => certificate.checkIssued(new X509Certificate(ca))),
    );
  /** Looks each interval for a while; every look ends with all that is served trusted. */
  const pass = async (ms: number, ...replicas: Replica[]): Promise<void> => {
    for (const endMs = clock.ms + ms; clock.ms < endMs;) {
      clock.ms += Math.min(OPTIONS.intervalMs, endMs - clock.ms);
      for (const replica of replicas) {
        await replica.look();
        for (const each of replicas) expect(trusts(each.current)).toBe(true);
      }
    }
  };

  it("makes a CA and a certificate for its names, is trusted, and is ready then and not before", async () => {
    expect(one.keeper.notReady).toBeDefined();
    expect(await one.look()).toBe(true);
    expect(one.keeper.notReady).toBeUndefined();
    expect(one.current.checkHost("longshore-webhooks.kubeedge.svc")).toBeDefined();
    expect(one.current.checkIP("127.0.0.1")).toBeDefined();
    expect(one.current.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
    expect(trusts(one.current)).toBe(true);
    expect(certificatesIn(cluster.caBundle())).toHaveLength(1);
  });

  it("writes nothing when nothing is to be changed", async () => {
    await one.look();
    const { writes } = cluster;
    await pass(60_000, one);
    expect(cluster.writes).toBe(writes);
    expect(one.served).toHaveLength(1);
  });

  it("is not ready while its configuration is not there, and says so", async () => {
    const { configuration } = cluster;
    cluster.configuration = undefined;
    await one.look();
    expect(one.keeper.notReady).toBe("no ValidatingWebhookConfiguration hooks");
    cluster.configuration = configuration;
    const { mutating } = cluster;
    cluster.mutating = undefined;
    const other = new Replica(cluster, clock);
    await other.look();
    expect(other.keeper.notReady).toBe("no MutatingWebhookConfiguration hooks");
    cluster.mutating = mutating;
    await one.look();
    expect(one.keeper.notReady).toBeUndefined();
  });

  it("puts one CA into a validating and a mutating configuration of one name, and heals either", async () => {
    await one.look();
    const [good] = bundles();
    expect(bundles()).toEqual([good, good, good]);
    delete cluster.mutating?.webhooks[0]?.clientConfig.caBundle;
    await one.look();
    expect(bundles()).toEqual([good, good, good]);
  });

  it("agrees with another replica that starts at the same moment on one CA", async () => {
    const two = new Replica(cluster, clock);
    await Promise.all([one.look(), two.look()]);
    await Promise.all([one.look(), two.look()]);
    expect(one.current.fingerprint256).toBe(two.current.fingerprint256);
    expect([...one.actions, ...two.actions]).toEqual(expect.arrayContaining(["create", "create!"]));
    expect(certificatesIn(cluster.caBundle())).toHaveLength(1);
  });

  it("heals a wiped caBundle, a broken one and one with a stranger's CA at the next look", async () => {
    await one.look();
    const good = cluster.caBundle();
    for (const bad of [undefined, "", "bm9uc2Vuc2U=", Buffer.from(good + good).toString("base64")]) {
      const config = cluster.configuration?.webhooks[1]?.clientConfig;
      if (bad === undefined) delete config?.caBundle;
      else if (config) config.caBundle = bad;
      await one.look();
      expect(cluster.caBundle(1)).toBe(good);
      expect(one.keeper.notReady).toBeUndefined();
    }
    expect(one.served).toHaveLength(1);
  });

  it("puts back a Secret that was deleted or emptied, with the same certificates", async () => {
    await one.look();
    const { data } = cluster.secret ?? { data: {} };
    cluster.secret = undefined;
    await one.look();
    expect(cluster.secret).toMatchObject({ data });
    cluster.secret = { ...cluster.secret!, data: { "tls.crt": "bm9uc2Vuc2U=" } };
    await one.look();
    expect(cluster.secret).toMatchObject({ data });
    expect(one.served).toHaveLength(1);
    expect(one.actions.filter((action) => action === "restore")).toHaveLength(2);
  });

  it("renews the serving certificate after two thirds of its life, under the same CA, at once", async () => {
    await one.look();
    const before = one.current;
    clock.ms += 59 * DAY_MS;
    await one.look();
    expect(one.served).toHaveLength(1);
    clock.ms += 2 * DAY_MS;
    await one.look();
    expect(one.current.fingerprint256).not.toBe(before.fingerprint256);
    expect(one.current.issuer).toBe(before.issuer);
    expect(trusts(one.current)).toBe(true);
  });

  it("renews the CA in steps: both are trusted, then the new one is served, then the old one is forgotten", async () => {
    const two = new Replica(cluster, clock);
    await one.look();
    await two.look();
    const before = one.current;
    clock.ms += 201 * DAY_MS;
    await one.look(); // also a new serving certificate of the old CA
    expect(certificatesIn(cluster.caBundle())).toHaveLength(2);
    expect(one.current.issuer).toBe(before.issuer);
    await two.look();
    await pass(9_000, one, two);
    expect([one.current.issuer, two.current.issuer]).toEqual([before.issuer, before.issuer]);
    await pass(9_000, one, two);
    expect(one.current.issuer).not.toBe(before.issuer);
    expect(two.current.fingerprint256).toBe(one.current.fingerprint256);
    expect(certificatesIn(cluster.caBundle())).toHaveLength(2);
    await pass(HOUR_MS, one, two);
    expect(certificatesIn(cluster.caBundle())).toHaveLength(1);
    expect(trusts(one.current)).toBe(true);
  });

  it("starts a rotation when it is told to by annotation, and only once", async () => {
    await one.look();
    const before = one.current;
    cluster.secret!.metadata.annotations = { [ROTATE_ANNOTATION]: "now", other: "stays" };
    await pass(30_000, one);
    expect(one.current.issuer).not.toBe(before.issuer);
    expect(cluster.secret?.metadata.annotations).toEqual({ other: "stays" });
    expect(one.actions.filter((action) => action === "stage")).toHaveLength(1);
  });

  it("does not serve a new CA whose trust is taken away again before it has settled", async () => {
    await one.look();
    const before = one.current;
    cluster.secret!.metadata.annotations = { [ROTATE_ANNOTATION]: "now" };
    for (let looks = 0; looks < 8; looks++) {
      clock.ms += 3_000;
      await one.look();
      const config = cluster.configuration?.webhooks[0]?.clientConfig;
      if (config) config.caBundle = Buffer.from(cluster.secretText("ca.crt")).toString("base64");
    }
    expect(one.current.issuer).toBe(before.issuer);
  });

  it("keeps trust in what it serves when a stranger replaced the Secret, and goes over to the new one", async () => {
    await one.look();
    const before = one.current;
    const elsewhere = new FakeCluster();
    const stranger = new Replica(elsewhere, clock);
    await stranger.look();
    cluster.secret = { ...elsewhere.secret!, metadata: cluster.secret!.metadata };
    await pass(6_000, one);
    expect(one.current.fingerprint256).toBe(before.fingerprint256);
    await pass(12_000, one);
    expect(one.current.fingerprint256).toBe(stranger.current.fingerprint256);
  });

  it("starts anew when the Secret holds a CA that it cannot sign with", async () => {
    const { cert, key } = await selfSignedRsa();
    const [certificate, secret] = [cert, key].map((text) => Buffer.from(text).toString("base64"));
    const data = { "ca.crt": certificate, "ca.key": secret, "tls.crt": certificate, "tls.key": secret };
    cluster.secret = {
      metadata: { name: "tls", resourceVersion: "1" },
      data: data as Record<string, string>,
    };
    await one.look();
    expect(one.actions).toStrictEqual(["create", "patch", "patch"]);
    expect(trusts(one.current)).toBe(true);
  });

  it("does not undo what another replica put into the configuration between its reads and its write", async () => {
    const two = new Replica(cluster, clock);
    await one.look();
    await two.look();
    cluster.secret!.metadata.annotations = { [ROTATE_ANNOTATION]: "now" };
    // Between two's reads of configuration and Secret, one stages a new CA and patches.
    let done: Promise<boolean> | undefined;
    cluster.afterRead = () => {
      done = one.look();
    };
    await two.look();
    await done;
    await two.look();
    expect(certificatesIn(cluster.caBundle())).toHaveLength(2);
    expect(cluster.caBundle()).toContain(cluster.secretText("next-ca.crt"));
  });

  it("serves names of both when replicas of two versions want others, without writing for ever", async () => {
    const two = new Replica(cluster, clock, { hosts: ["new.example"] });
    await one.look();
    await two.look();
    const { writes } = cluster;
    await pass(30_000, one, two);
    expect(cluster.writes).toBe(writes);
    for (const host of ["new.example", "longshore-webhooks.kubeedge.svc"])
      expect(two.current.checkHost(host)).toBeDefined();
  });

  it("stays ready and serving while the API server is away, and until its certificate has expired", async () => {
    await one.look();
    cluster.isDown = true;
    await expect(one.look()).rejects.toThrow();
    expect(one.keeper.notReady).toBeUndefined();
    clock.ms += 91 * DAY_MS;
    expect(one.keeper.notReady).toBe("the serving certificate has expired");
    cluster.isDown = false;
    await one.look();
    expect(one.keeper.notReady).toBeUndefined();
  });

  it("starts anew when even the CA has expired", async () => {
    await one.look();
    clock.ms += 400 * DAY_MS;
    await one.look();
    expect(trusts(one.current)).toBe(true);
    expect(one.keeper.notReady).toBeUndefined();
  });

  it("runs until it is stopped, over failures", async () => {
    cluster.isDown = true;
    const stop = new AbortController();
    const run = one.keeper.run(stop.signal);
    const until = async (wanted: string | undefined): Promise<void> => {
      while (one.keeper.notReady !== wanted) await new Promise((resolve) => setImmediate(resolve));
    };
    await until("the API server does not answer or refuses");
    cluster.isDown = false;
    await until(undefined);
    stop.abort();
    await run;
    expect(one.served).toHaveLength(1);
  });
});
