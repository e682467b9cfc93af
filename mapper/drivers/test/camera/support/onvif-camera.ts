// SPDX-License-Identifier: Apache-2.0
// What a camera answers to the ONVIF calls of the mapper: a stand-in, strict about login and order, no real camera.
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

export interface OnvifStub {
  readonly port: number;
  /** Names of the calls that came, in order. */
  readonly calls: string[];
  /** What GetStreamUri answers. */
  streamUri: string;
  /** Answers everything with this instead. */
  garbage: string | undefined;
  /** Answers of single calls, instead of the usual ones. */
  readonly others: Map<string, string>;
  /** Begins answers and does not end them: hangs up, or goes on with a byte at a time. */
  unfinished: "hangs up" | "trickles" | undefined;
  stop(): Promise<void>;
}

const OPEN_TO_ALL = ["GetSystemDateAndTime"];

export async function startOnvifStub(login: { userName: string; password: string }): Promise<OnvifStub> {
  const server = createServer((request, response) => {
    void answer(request).then(({ status, body }) => {
      response.writeHead(status, { "content-type": "application/soap+xml" });
      if (stub.unfinished === undefined) response.end(body);
      else leaveUnfinished(response, stub.unfinished);
    });
  });
  const stub: OnvifStub = {
    ...{ port: 0, calls: [], streamUri: "rtsp://10.0.0.9:554/main", garbage: undefined },
    ...{ others: new Map<string, string>(), unfinished: undefined },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  async function answer(request: IncomingMessage): Promise<{ status: number; body: string }> {
    const body = await text(request);
    const call = /<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(\w+)/.exec(body)?.[1] ?? "";
    stub.calls.push(call);
    if (stub.garbage !== undefined) return { status: 200, body: stub.garbage };
    if (!OPEN_TO_ALL.includes(call) && !isLogin(body, login)) return fault(400, "ter:NotAuthorized");
    const content = stub.others.get(call) ?? ANSWERS[call]?.(stub);
    return content === undefined
      ? fault(500, "ter:ActionNotSupported")
      : { status: 200, body: envelope(content) };
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return Object.assign(stub, { port: typeof address === "object" && address !== null ? address.port : 0 });
}

function leaveUnfinished(response: ServerResponse, how: "hangs up" | "trickles"): void {
  response.write("<");
  const timer = setInterval(() => (how === "trickles" ? response.write(" ") : response.destroy()), 20);
  response.once("close", () => clearInterval(timer));
}

/** The digest of WS-Security: of a nonce, a time and the password. */
function isLogin(body: string, { userName, password }: { userName: string; password: string }): boolean {
  const part = (name: string): string =>
    new RegExp(`<(?:\\w+:)?${name}(?:\\s[^>]*)?>([^<]*)<`).exec(body)?.[1] ?? "";
  const nonce = Buffer.from(part("Nonce"), "base64");
  const digest = createHash("sha1").update(nonce).update(part("Created")).update(password).digest("base64");
  return part("Username") === userName && part("Password") === digest;
}

const envelope = (content: string): string =>
  `<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"><s:Body>${content}</s:Body></s:Envelope>`;

const fault = (status: number, code: string): { status: number; body: string } => ({
  status,
  body: envelope(
    `<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang="en">${code}</s:Text></s:Reason></s:Fault>`,
  ),
});

const profile = (token: string, name: string): string =>
  `<trt:Profiles token="${token}"><tt:Name>${name}</tt:Name><tt:VideoSourceConfiguration token="v"><tt:SourceToken>source</tt:SourceToken></tt:VideoSourceConfiguration><tt:VideoEncoderConfiguration token="e"><tt:Encoding>H264</tt:Encoding></tt:VideoEncoderConfiguration></trt:Profiles>`;

const ANSWERS: Readonly<Record<string, (stub: OnvifStub) => string>> = {
  GetSystemDateAndTime: () => {
    const now = new Date();
    return `<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime><tt:Time><tt:Hour>${now.getUTCHours()}</tt:Hour><tt:Minute>${now.getUTCMinutes()}</tt:Minute><tt:Second>${now.getUTCSeconds()}</tt:Second></tt:Time><tt:Date><tt:Year>${now.getUTCFullYear()}</tt:Year><tt:Month>${now.getUTCMonth() + 1}</tt:Month><tt:Day>${now.getUTCDate()}</tt:Day></tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>`;
  },
  // The addresses are wrong on purpose, as those of cameras behind a router are.
  GetCapabilities: () =>
    "<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Device><tt:XAddr>http://10.0.0.9/onvif/device_service</tt:XAddr></tt:Device><tt:Media><tt:XAddr>http://10.0.0.9/onvif/media</tt:XAddr></tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>",
  GetProfiles: () =>
    `<trt:GetProfilesResponse>${profile("main-token", "main")}${profile("sub-token", "sub")}</trt:GetProfilesResponse>`,
  GetVideoSources: () =>
    '<trt:GetVideoSourcesResponse><trt:VideoSources token="source"><tt:Framerate>25</tt:Framerate></trt:VideoSources></trt:GetVideoSourcesResponse>',
  GetDeviceInformation: () =>
    "<tds:GetDeviceInformationResponse><tds:Manufacturer>Acme</tds:Manufacturer><tds:Model>C-1</tds:Model><tds:FirmwareVersion>1.10</tds:FirmwareVersion><tds:SerialNumber>0042</tds:SerialNumber><tds:HardwareId>7</tds:HardwareId></tds:GetDeviceInformationResponse>",
  GetStreamUri: ({ streamUri }) =>
    `<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>${streamUri}</tt:Uri></trt:MediaUri></trt:GetStreamUriResponse>`,
};
