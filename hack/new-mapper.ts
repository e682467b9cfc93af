// SPDX-License-Identifier: Apache-2.0
// `make new-mapper NAME=lamp-mapper PROTOCOL=lamp DIR=../lamp-mapper`: a mapper of your own to begin with.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { CLONE } from "./cluster/layout.ts";
import { Fault, script } from "./fault.ts";

export interface MapperProject {
  /** Of the program and its package. */
  readonly name: string;
  /** `spec.protocol.protocolName` of the devices that come to it. */
  readonly protocol: string;
  /** Where it is written; must not be there, or be empty. */
  readonly dir: string;
}

const TEMPLATE = join(CLONE, "mapper/template");
const NAME = /^[a-z][a-z0-9-]{0,62}$/;

/**
 * Writes a mapper that works, for lamps that speak lines over TCP.
 *
 * @returns the files that it wrote, relative to its folder
 * @throws {Fault} USAGE, NOT_EMPTY
 */
export function writeMapperProject({ name, protocol, dir }: MapperProject): readonly string[] {
  for (const [what, text] of Object.entries({ NAME: name, PROTOCOL: protocol })) {
    if (!NAME.test(text))
      throw new Fault(
        "USAGE",
        `${what}=${text} is not lower case letters, digits and dashes`,
        "make new-mapper NAME=lamp-mapper",
      );
  }
  if (existsSync(dir) && readdirSync(dir).length > 0)
    throw new Fault("NOT_EMPTY", `${dir} has files already`, "give another folder: DIR=…");
  const words: Readonly<Record<string, string>> = {
    __NAME__: name,
    __PROTOCOL__: protocol,
    __SDK__: `file:${join(CLONE, "mapper")}`,
  };
  const files = readdirSync(TEMPLATE, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return files.map((entry) => {
    const from = join(entry.parentPath, entry.name);
    const file = relative(TEMPLATE, from);
    const to = join(dir, file);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(
      to,
      readFileSync(from, "utf8").replaceAll(/__[A-Z]+__/g, (word) => words[word] ?? word),
    );
    return file;
  });
}

if (import.meta.main) {
  await script(() => {
    const { NAME: name = "", PROTOCOL: protocol, DIR: dir } = process.env;
    const project = {
      name,
      protocol: protocol || name.replace(/-mapper$/, ""),
      dir: resolve(dir || name || "."),
    };
    for (const file of writeMapperProject(project)) process.stdout.write(`  ${join(project.dir, file)}\n`);
    process.stdout.write(`Try next:\n  cd ${project.dir} && npm install && npm test\n`);
    return Promise.resolve();
  });
}
