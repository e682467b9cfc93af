// SPDX-License-Identifier: Apache-2.0
// The program `camera-mapper`.
import { defineMapper } from "@longshore/mapper";
import { cameraMapper } from "./mapper.ts";
import { cameraOptionsOf } from "./options.ts";

await defineMapper(cameraMapper(cameraOptionsOf(process.env))).run();
