// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "@jest/globals";
import { ConfigError } from "../../src/config/index.ts";
import { SocketError } from "../../src/cri/index.ts";
import { exitCodeOf } from "../../src/exit-code.ts";
import { JoinError } from "../../src/join/index.ts";
import { StoreError } from "../../src/store/index.ts";
import { open } from "../store/gen.ts";
import { thrown } from "../tunnel/fakes.ts";

it.each([
  { what: "B158 a second agent", error: new StoreError("LOCKED", "x"), code: 73 },
  { what: "B163 a newer schema", error: new StoreError("NEWER_SCHEMA", "x"), code: 75 },
  { what: "B94 a pin mismatch", error: new JoinError("PIN", "x"), code: 78 },
  { what: "an expired token", error: new JoinError("REFUSED", "x"), code: 77 },
  { what: "a faulty configuration", error: new ConfigError(78, ["x"]), code: 78 },
  { what: "B128 a socket that is a link", error: new SocketError("SYMLINK", "x"), code: 78 },
  { what: "anything else", error: new TypeError("x"), code: 70 },
])("$what ends with $code", ({ error, code }) => {
  expect(exitCodeOf(error)).toBe(code);
});

it("B162 a data directory that cannot be written ends with 74", () => {
  expect(exitCodeOf(thrown(() => open("/etc/hostname/data")))).toBe(74);
});
