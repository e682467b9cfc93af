// SPDX-License-Identifier: Apache-2.0
// Stands for TDengine's REST server, of which no real one can be had: reads the statements that it gets letter by
// letter, keeps rows as TDengine keeps them, and refuses what its manual says that it refuses.
import type { ServerResponse } from "node:http";
import { serve, type Seen, type TestServer } from "./server.ts";

export interface TdengineStub extends TestServer {
  /** Rows of each child table by their time: device, property, data, type. */
  readonly tables: ReadonlyMap<string, ChildTable>;
  /** Forgets all tables, as a dropped database does. */
  drop(): void;
}

export interface ChildTable {
  readonly superTable: string;
  readonly tag: string;
  readonly rows: Map<string, readonly string[]>;
}

const CODES = {
  syntax: 0x2600,
  noTable: 0x2603,
  tooLong: 0x2653,
  badName: 0x0216,
  noDatabase: 0x0388,
  authFailed: 0x0357,
  otherSuper: 0x061d,
} as const;

class Refusal extends Error {
  readonly code: number;
  constructor(what: keyof typeof CODES) {
    super(what);
    this.code = 0x80000000 + CODES[what];
  }
}

type Token = { readonly kind: "word" | "name" | "string" | "sign"; readonly text: string };

const MAX_STATEMENT = 1_048_576;
const WIDTHS = [320, 256, 16_374, 16];
const TAG_WIDTH = 256;
const MAX_NAME = 192;
const SUPER_COLUMNS =
  "( ts TIMESTAMP , deviceid BINARY ( 320 ) , propertyname BINARY ( 256 ) , data BINARY ( 16374 ) , " +
  "type BINARY ( 16 ) ) TAGS ( location BINARY ( 256 ) )";

/** @throws {Refusal} for a string or a name that does not end, and for a letter that has no place */
function tokensOf(statement: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s+|([A-Za-z_]\w*)|`([^`]*)`|'([^'\\\0]*(?:\\[^\0][^'\\\0]*)*)'|(\d+|[(),])/gy;
  while (pattern.lastIndex < statement.length) {
    const match = pattern.exec(statement);
    if (!match) throw new Refusal("syntax");
    const [, word, name, string, sign] = match;
    if (word !== undefined) tokens.push({ kind: "word", text: word });
    else if (name !== undefined) tokens.push({ kind: "name", text: checkName(name) });
    else if (string !== undefined) tokens.push({ kind: "string", text: unescape(string) });
    else if (sign !== undefined) tokens.push({ kind: "sign", text: sign });
  }
  return tokens;
}

function checkName(name: string): string {
  if (name === "" || name.includes(".") || !/^[\x21-\x7e]*$/.test(name)) throw new Refusal("badName");
  if (name.length > MAX_NAME) throw new Refusal("tooLong");
  return name;
}

const unescape = (text: string): string =>
  text.replace(/\\(.)/gs, (_, letter: string) => ({ n: "\n", r: "\r", t: "\t" })[letter] ?? letter);

class Statement {
  readonly #tokens: Token[];
  constructor(text: string) {
    if (Buffer.byteLength(text) > MAX_STATEMENT) throw new Refusal("tooLong");
    this.#tokens = tokensOf(text);
  }
  get isAtEnd(): boolean {
    return this.#tokens.length === 0;
  }
  takes(kind: Token["kind"]): string {
    const token = this.#tokens.shift();
    if (token?.kind !== kind) throw new Refusal("syntax");
    return token.text;
  }
  expects(...texts: readonly string[]): void {
    for (const text of texts) {
      const token = this.#tokens.shift();
      const isIt =
        token !== undefined && (token.kind === "word" || token.kind === "sign") && token.text === text;
      if (!isIt) throw new Refusal("syntax");
    }
  }
  starts(text: string): boolean {
    return this.#tokens[0]?.kind === "word" && this.#tokens[0].text === text;
  }
}

const fits = (text: string, width: number): string => {
  if (Buffer.byteLength(text) > width) throw new Refusal("tooLong");
  return text;
};

interface Write {
  readonly child: string;
  readonly superTable: string;
  readonly tag: string;
  readonly at: string;
  readonly row: readonly string[];
}

function readWrite(statement: Statement): Write {
  const child = statement.takes("name");
  statement.expects("USING");
  const superTable = statement.takes("name");
  statement.expects("TAGS", "(");
  const tag = fits(statement.takes("string"), TAG_WIDTH);
  statement.expects(")", "VALUES", "(");
  const at = statement.takes("string");
  const row = WIDTHS.map(() => {
    statement.expects(",");
    return statement.takes("string");
  });
  statement.expects(")");
  return { child, superTable, tag, at, row };
}

/** @param database the only one that there is; @param authorization what it wants to see */
export async function startTdengineStub(database: string, authorization: string): Promise<TdengineStub> {
  const superTables = new Set<string>();
  const tables = new Map<string, ChildTable>();

  function create(statement: Statement): void {
    statement.expects("CREATE", "STABLE", "IF", "NOT", "EXISTS");
    const name = statement.takes("name");
    statement.expects(...SUPER_COLUMNS.split(" "));
    if (!statement.isAtEnd) throw new Refusal("syntax");
    superTables.add(name);
  }

  function insert(statement: Statement): void {
    statement.expects("INSERT", "INTO");
    const writes: Write[] = [];
    while (!statement.isAtEnd) writes.push(readWrite(statement));
    if (writes.length === 0) throw new Refusal("syntax");
    writes.forEach(check);
    writes.forEach(write);
  }

  function check({ child, superTable, at, row }: Write): void {
    if (!superTables.has(superTable)) throw new Refusal("noTable");
    const isOther = (tables.get(child)?.superTable ?? superTable) !== superTable;
    if (isOther || superTables.has(child)) throw new Refusal("otherSuper");
    if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(at)) throw new Refusal("syntax");
    row.forEach((text, index) => fits(text, WIDTHS[index] ?? 0));
  }

  function write({ child, superTable, tag, at, row }: Write): void {
    const table = tables.get(child) ?? { superTable, tag, rows: new Map<string, readonly string[]>() };
    table.rows.set(at, row);
    tables.set(child, table);
  }

  function run({ path, headers, body }: Seen): void {
    if (headers.authorization !== authorization) throw new Refusal("authFailed");
    if (path !== `/rest/sql/${database}`) throw new Refusal("noDatabase");
    const statement = new Statement(body);
    if (statement.starts("CREATE")) create(statement);
    else insert(statement);
  }

  const server = await serve((response: ServerResponse, seen: Seen) => {
    let answer: object = { code: 0, column_meta: [["affected_rows", "INT", 4]], data: [[1]], rows: 1 };
    try {
      run(seen);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      answer = { code: error.code, desc: `what was wrong: ${seen.body.slice(0, 500)}` };
    }
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  return {
    ...server,
    tables,
    drop: () => {
      superTables.clear();
      tables.clear();
    },
  };
}
