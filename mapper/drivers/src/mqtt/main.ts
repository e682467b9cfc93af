// SPDX-License-Identifier: Apache-2.0
// The program `mqtt-mapper`.
import { defineMapper } from "@longshore/mapper";
import { mqttMapper } from "./mapper.ts";
import { mqttOptionsOf } from "./options.ts";

await defineMapper(mqttMapper(mqttOptionsOf(process.env))).run();
