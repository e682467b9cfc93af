// SPDX-License-Identifier: Apache-2.0
// The program `opcua-mapper`.
import { defineMapper } from "@longshore/mapper";
import { LogLevel, setLogLevel } from "node-opcua-client";
import { opcuaMapper } from "./mapper.ts";
import { opcuaOptionsOf } from "./options.ts";

// The library prints between the lines of the log what its errors say anyway.
setLogLevel(LogLevel.Emergency);

await defineMapper(opcuaMapper(opcuaOptionsOf(process.env))).run();
