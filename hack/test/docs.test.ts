// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CLONE } from "../cluster/layout.ts";

const read = (path: string): string => readFileSync(join(CLONE, path), "utf8");
const withoutCode = (text: string): string =>
  text.replace(/^ {0,3}```[\s\S]*?^ {0,3}```/gm, "").replace(/`[^`\n]*`/g, "");

const DOCS = globSync(["*.md", "docs/**/*.md", "config/**/*.md"], { cwd: CLONE }).sort();
const TARGETS = new Set(
  [...read("Makefile").matchAll(/^([a-z0-9 -]+):/gm)].flatMap(([, names = ""]) => names.split(" ")),
);

/** GitHub's anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-");

const anchors = (path: string): string[] =>
  [...read(path).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading));

/** What is wrong with a relative link from a file; undefined when it resolves. */
function faultOf(from: string, link: string): string | undefined {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? from : join(dirname(from), decodeURIComponent(path));
  if (!existsSync(join(CLONE, target))) return `${from}: ${link}: no such file`;
  const isMissing = anchor !== undefined && target.endsWith(".md") && !anchors(target).includes(anchor);
  return isMissing ? `${from}: ${link}: no such heading` : undefined;
}

/** Targets of make that code in a text names, on its own or in a line of shell. */
const targetsIn = (text: string): string[] =>
  [...text.matchAll(/^ {0,3}```[\s\S]*?^ {0,3}```|`[^`\n]*`/gm)].flatMap(([code]) =>
    [...code.matchAll(/(?:^[\s`]*|[;&|] *)make ([a-z0-9-]+)/gm)].map(([, target = ""]) => target),
  );

describe("the documentation", () => {
  it("is found", () => {
    expect(DOCS).toEqual(expect.arrayContaining(["README.md", "docs/README.md", "docs/tutorial.md"]));
  });

  it("links only to files and headings that are there", () => {
    const faults = DOCS.flatMap((from) =>
      [...withoutCode(read(from)).matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, link = ""]) => link)
        .filter((link) => !/^[a-z]+:/.test(link))
        .map((link) => faultOf(from, link)),
    ).filter((fault) => fault !== undefined);
    expect(faults).toEqual([]);
  });

  it("finds a link that leads nowhere, and a heading that is not there", () => {
    expect(faultOf("docs/tutorial.md", "nowhere.md")).toContain("no such file");
    expect(faultOf("docs/tutorial.md", "../README.md#nowhere")).toContain("no such heading");
    expect(faultOf("docs/tutorial.md", "../README.md#two-commands")).toBeUndefined();
  });

  it("lists every page of docs in its index", () => {
    const index = read("docs/README.md");
    const pages = DOCS.filter((path) => path.startsWith("docs/") && path !== "docs/README.md");
    expect(pages.filter((path) => !index.includes(`(${path.slice("docs/".length)})`))).toEqual([]);
  });

  it("names only targets that the Makefile has", () => {
    const named = DOCS.flatMap((from) => targetsIn(read(from)).map((target) => ({ from, target })));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter(({ target }) => !TARGETS.has(target))).toEqual([]);
  });

  it("finds a target wherever code names one, and none in prose", () => {
    expect(
      targetsIn("run `make up`, or\n```sh\nmake stop PART=hub\n  make build && docker\n```\nto make room"),
    ).toEqual(["up", "stop", "build"]);
  });
});
