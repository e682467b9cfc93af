// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "@jest/globals";
import { createRequire } from "node:module";
import { spareNumbers } from "../../../src/bus/embedded/numbers.ts";

interface Codec {
  readonly writeToStream: { readonly cacheNumbers: boolean };
}

it("the broker's codec prepares no numbers, and is the one that the client has", async () => {
  await spareNumbers();
  const here = createRequire(import.meta.url);
  for (const user of ["aedes", "mqtt"]) {
    const codec = createRequire(here.resolve(user))("mqtt-packet") as Codec;
    expect(codec.writeToStream.cacheNumbers).toBe(false);
  }
});
