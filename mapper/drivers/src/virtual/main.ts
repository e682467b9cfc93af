// SPDX-License-Identifier: Apache-2.0
// The program `virtual-mapper`.
import { defineMapper } from "@longshore/mapper";
import { virtualMapper } from "./mapper.ts";

await defineMapper(virtualMapper()).run();
