// SPDX-License-Identifier: Apache-2.0
import { Client, credentials, Server, ServerCredentials, status, type handleUnaryCall } from "@grpc/grpc-js";
import {
  DeviceManagerService,
  DeviceMapperService,
  type Device,
  type DeviceModel,
  type MapperRegisterRequest,
  type MapperRegisterResponse,
  type ReportDeviceStatesRequest,
  type ReportDeviceStatusRequest,
  type ServiceMethod,
} from "@longshore/crds/dmi";

/** An edge in the test's hand, on a real socket. */
export interface TestEdge {
  readonly registrations: MapperRegisterRequest[];
  /** What each call had as `authorization`. */
  readonly authorizations: string[];
  /** Calls with another `authorization` are refused; undefined: none is. */
  wanted?: string;
  readonly reports: ReportDeviceStatusRequest[];
  readonly states: ReportDeviceStatesRequest[];
  /** Reports are taken and never answered. */
  isSilent: boolean;
  /** What the next registrations get. */
  set: { models: DeviceModel[]; devices: Device[] };
  start(): Promise<void>;
  /** Cuts every connection, as a crash does. */
  crash(): void;
}

export function createTestEdge(path: string): TestEdge {
  let server: Server | undefined;
  const answer =
    <Request, Response>(handle: (request: Request) => Response): handleUnaryCall<Request, Response> =>
    ({ request, metadata }, callback) => {
      const [said = ""] = metadata.get("authorization").map(String);
      edge.authorizations.push(said);
      if (edge.wanted !== undefined && said !== edge.wanted) {
        callback({ code: status.UNAUTHENTICATED, details: "no token of this mapper" });
        return;
      }
      const response = handle(request);
      if (!edge.isSilent) callback(null, response);
    };
  const edge: TestEdge = {
    registrations: [],
    authorizations: [],
    reports: [],
    states: [],
    isSilent: false,
    set: { models: [], devices: [] },
    start: async () => {
      const started = new Server();
      started.addService(DeviceManagerService, {
        mapperRegister: answer((request: MapperRegisterRequest): MapperRegisterResponse => {
          edge.registrations.push(request);
          return { modelList: edge.set.models, deviceList: edge.set.devices };
        }),
        reportDeviceStatus: answer((request: ReportDeviceStatusRequest) => {
          edge.reports.push(request);
          return {};
        }),
        reportDeviceStates: answer((request: ReportDeviceStatesRequest) => {
          edge.states.push(request);
          return {};
        }),
      });
      await new Promise<void>((resolve, reject) => {
        started.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => {
          if (error) reject(error);
          else resolve();
        });
      });
      server = started;
    },
    crash: () => {
      server?.forceShutdown();
      server = undefined;
    },
  };
  return edge;
}

/** Calls a mapper as the edge does; rejects with `{ code }`. */
export function dialMapper(path: string) {
  const client = new Client(`unix:${path}`, credentials.createInsecure(), {
    "grpc.default_authority": "localhost",
    "grpc.use_local_subchannel_pool": 1,
  });
  const call =
    <Request, Response>({
      path: rpc,
      requestSerialize,
      responseDeserialize,
    }: ServiceMethod<Request, Response>) =>
    (request: Request): Promise<Response> =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          rpc,
          requestSerialize,
          responseDeserialize,
          request,
          { deadline: Date.now() + 10_000 },
          (error, response) => {
            if (error) reject(error);
            else resolve(response as Response);
          },
        );
      });
  return {
    registerDevice: call(DeviceMapperService.registerDevice),
    updateDevice: call(DeviceMapperService.updateDevice),
    removeDevice: call(DeviceMapperService.removeDevice),
    getDevice: call(DeviceMapperService.getDevice),
    createDeviceModel: call(DeviceMapperService.createDeviceModel),
    updateDeviceModel: call(DeviceMapperService.updateDeviceModel),
    removeDeviceModel: call(DeviceMapperService.removeDeviceModel),
    /** Any bytes to any of them. */
    raw: (rpc: string, bytes: Buffer): Promise<Buffer> =>
      call({
        path: `/v1beta1.DeviceMapperService/${rpc}`,
        requestStream: false,
        responseStream: false,
        requestSerialize: (given: Buffer) => given,
        requestDeserialize: (given: Buffer) => given,
        responseSerialize: (given: Buffer) => given,
        responseDeserialize: (given: Buffer) => given,
      })(bytes),
    close: () => client.close(),
  };
}

export { status };
