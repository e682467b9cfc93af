// SPDX-License-Identifier: Apache-2.0
// The program `virtual-mapper`. VIRTUAL_PROTOCOL lets it play the mapper of another protocol.
import { defineMapper } from "@longshore/mapper";
import { virtualMapper } from "./mapper.ts";

const definition = virtualMapper();
await defineMapper({
  ...definition,
  protocol: process.env["VIRTUAL_PROTOCOL"] || definition.protocol,
  name: "virtual-mapper",
}).run();
