// A lamp that is not there: `npm run simulate` and connect with `nc 127.0.0.1 7000`.
import { createServer, type Server } from "node:net";
import { createInterface } from "node:readline";

/** Starts a lamp; what it was set to is the same for all who connect. */
export function startLamp(port: number): Promise<Server> {
  const state = new Map([["brightness", "20"]]);
  const answer = (line: string): string => {
    const [verb = "", name = "", value = ""] = line.split(" ");
    if (!state.has(name)) return "unknown";
    if (verb === "set") state.set(name, value);
    return verb === "set" ? "ok" : (state.get(name) ?? "");
  };
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    createInterface(socket).on("line", (line) => socket.write(`${answer(line)}\n`));
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}

if (import.meta.main) {
  await startLamp(Number(process.env["PORT"] ?? 7000));
  console.log("a lamp is listening");
}
