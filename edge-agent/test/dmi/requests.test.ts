// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { RequestBudget, type OpenRequests } from "../../src/dmi/requests.ts";

const [DATA, HEADERS, RST_STREAM] = [0, 1, 3];
const END_STREAM = 0x1;

function send(requests: OpenRequests, type: number, stream: number, bytes = 0, flags = 0): void {
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  requests.frame(head, bytes);
}

const KIB = 1024;

function open() {
  const gone: string[] = [];
  const budget = new RequestBudget(100 * KIB);
  return { gone, budget, of: (name: string) => budget.open(() => gone.push(name)) };
}

describe("requests that have not ended", () => {
  it.each([
    { how: "ended", end: (one: OpenRequests, stream: number) => send(one, DATA, stream, 1, END_STREAM) },
    { how: "were reset", end: (one: OpenRequests, stream: number) => send(one, RST_STREAM, stream, 4) },
  ])("count no more when they $how", ({ end }) => {
    const { gone, of } = open();
    const one = of("one");
    for (let stream = 1; stream < 200; stream += 2) {
      send(one, HEADERS, stream, 500);
      send(one, DATA, stream, 50 * KIB);
      end(one, stream);
    }
    expect(gone).toEqual([]);
  });

  it("send away who has the most of them, whoever was last", () => {
    const { gone, of } = open();
    const [small, large] = [of("small"), of("large")];
    send(large, DATA, 1, 90 * KIB);
    send(small, DATA, 1, 20 * KIB);
    expect(gone).toEqual(["large"]);
  });

  it("count even while they hold nothing", () => {
    const { gone, of } = open();
    const one = of("one");
    for (let stream = 1; stream < 2_000; stream += 2) send(one, DATA, stream, 0);
    expect(gone).toContain("one");
  });

  it("count no more when their connection is gone", () => {
    const { gone, of, budget } = open();
    const [one, other] = [of("one"), of("other")];
    send(one, DATA, 1, 90 * KIB);
    budget.close(one);
    send(other, DATA, 1, 90 * KIB);
    expect(gone).toEqual([]);
  });
});
