// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run `npx node hack/generate/index.ts`.
import type { Condition, ObjectMeta } from "../../meta.ts";

export interface DeviceModelProperty {
  /** Name of the property, unique in the model. */
  name?: string;
  /** Type of the value. */
  type?: "INT" | "FLOAT" | "DOUBLE" | "STRING" | "BOOLEAN" | "BYTES" | "STREAM";
  /** Whether the value can be written. */
  accessMode?: "ReadWrite" | "ReadOnly";
  /** What the property is. */
  description?: string;
  /** Highest value allowed. */
  maximum?: string;
  /** Lowest value allowed. */
  minimum?: string;
  /** Unit of the value. */
  unit?: string;
  /** How a mapper reads and writes the property unless the device says otherwise. */
  visitors?: {
    /** Settings that only the mapper of this protocol understands. */
    configData?: {
      [k: string]: unknown;
    };
    /** Protocol, and with it the mapper, in charge. */
    protocolName?: string;
  };
}

export interface DeviceModelSpec {
  /** Properties that devices of this model have. */
  properties?: DeviceModelProperty[];
  /** Protocol of the devices. */
  protocol?: string;
  /** Protocol settings that devices of this model share. */
  protocolConfigData?: {
    [k: string]: unknown;
  };
}

export interface DeviceModelStatus {
  /** The latest observations, one of each type. */
  conditions?: Condition[];
  /** Counts, for columns and dashboards. */
  summary?: {
    /** Number of properties. */
    properties?: number;
    /** Number of devices that use the model. */
    devices?: number;
  };
}

/** What devices of one type have in common: their properties with type, range and access. */
export interface DeviceModel {
  apiVersion: "devices.kubeedge.io/v1beta1";
  kind: "DeviceModel";
  metadata: ObjectMeta;
  /** What is wanted. */
  spec?: DeviceModelSpec;
  /** What was observed. Written by the system. */
  status?: DeviceModelStatus;
}

export interface DeviceMethod {
  /** Name of the method. */
  name?: string;
  /** What the method does. */
  description?: string;
  /** Properties that the method can set. */
  propertyNames?: string[];
}

export interface DeviceProperty {
  /** Name of the property in the model. */
  name?: string;
  /** Milliseconds between two readings of the device. */
  collectCycle?: number;
  /** Value that the property shall have. */
  desired?: {
    /** Free-form facts about the value, for example its type. */
    metadata?: {
      [k: string]: string;
    };
    /** Value as text. */
    value: string;
  };
  /** Where the mapper pushes values to, besides the cloud. */
  pushMethod?: {
    /** Settings of the mapper's anomaly detection. */
    anomalyDetection?: {
      [k: string]: unknown;
    };
    /** Push into a database. */
    dbMethod?: {
      /** Push into TDengine. */
      TDEngine?: {
        /** Connection to TDengine. */
        TDEngineClientConfig?: {
          /** Address of the database as host:port. */
          addr?: string;
          /** Database name. */
          dbName?: string;
        };
      };
      /** Push into InfluxDB 2. */
      influxdb2?: {
        /** Connection to InfluxDB. */
        influxdb2ClientConfig?: {
          /** Bucket. */
          bucket?: string;
          /** Organisation. */
          org?: string;
          /** URL of the server. */
          url?: string;
        };
        /** How values are written. */
        influxdb2DataConfig?: {
          /** Field that holds the value. */
          fieldKey?: string;
          /** Measurement that values are written to. */
          measurement?: string;
          /** Tags of each point. */
          tag?: {
            [k: string]: string;
          };
        };
      };
      /** Push into MySQL. */
      mysql?: {
        /** Connection to MySQL. */
        mysqlClientConfig?: {
          /** Address of the database as host:port. */
          addr?: string;
          /** Database name. */
          database?: string;
          /** User name. */
          userName?: string;
        };
      };
      /** Push into Redis. */
      redis?: {
        /** Connection to Redis. */
        redisClientConfig?: {
          /** Address of the database as host:port. */
          addr?: string;
          /** Database number. */
          db?: number;
          /** Connections kept open while idle. */
          minIdleConns?: number;
          /** Number of connections. */
          poolsize?: number;
        };
      };
    };
    /** Push by HTTP. */
    http?: {
      /** Address of the HTTP server. */
      hostName?: string;
      /** Port of the HTTP server. */
      port?: number;
      /** Path of the request. */
      requestPath?: string;
      /** Timeout of one request in seconds. */
      timeout?: number;
    };
    /** Push to an MQTT broker. */
    mqtt?: {
      /** Address of the broker. */
      address?: string;
      /** MQTT quality of service, 0 to 2. */
      qos?: number;
      /** Whether the broker keeps the last message. */
      retained?: boolean;
      /** Topic to publish on. */
      topic?: string;
    };
    /** Push to an OpenTelemetry collector. */
    otel?: {
      /** URL of the collector. */
      endpointURL?: string;
    };
  };
  /** Milliseconds between two reports to the cloud. */
  reportCycle?: number;
  /** Whether values are reported to the cloud. */
  reportToCloud?: boolean;
  /** How a mapper reads and writes the property. */
  visitors?: {
    /** Settings that only the mapper of this protocol understands. */
    configData?: {
      [k: string]: unknown;
    };
    /** Protocol, and with it the mapper, in charge. */
    protocolName?: string;
  };
}

export interface DeviceSpec {
  /** The model in the same namespace that describes this device. */
  deviceModelRef?: {
    /** Name of the DeviceModel. */
    name?: string;
  };
  /** What can be asked of the device. */
  methods?: DeviceMethod[];
  /** Edge node that the device is attached to. */
  nodeName?: string;
  /** Properties of this device, by the names in its model. */
  properties?: DeviceProperty[];
  /** Protocol of the device, with settings that override the model's. */
  protocol?: {
    /** Settings that only the mapper of this protocol understands. */
    configData?: {
      [k: string]: unknown;
    };
    /** Protocol, and with it the mapper, in charge. */
    protocolName?: string;
  };
  /** How the device's state (online, offline) is reported. */
  stateReport?: {
    /** Milliseconds between two reports of the state. */
    reportCycle?: number;
    /** Whether the state is reported to the cloud. */
    reportToCloud?: boolean;
  };
}

/** One physical device, bound to an edge node: its properties, the values wanted of them, and how to reach it. */
export interface Device {
  apiVersion: "devices.kubeedge.io/v1beta1";
  kind: "Device";
  metadata: ObjectMeta;
  /** What is wanted. */
  spec?: DeviceSpec;
  /** Progress of the device's delivery. Reported values are in the DeviceStatus of the same name. */
  status?: {
    /** Replaced by spec.stateReport. */
    reportCycle?: number;
    /** Replaced by spec.stateReport. */
    reportToCloud?: boolean;
    /** online, offline, ok, unhealthy or unknown, as the mapper says. */
    state?: string;
    /** Time of the last report in state online or ok, RFC 3339. */
    lastOnlineTime?: string;
    /** The latest observations, one of each type. */
    conditions?: Condition[];
    /** Counts, for columns and dashboards. */
    summary?: {
      /** Number of properties. */
      properties?: number;
    };
    [k: string]: unknown;
  };
}

export interface DeviceStatusTwin {
  /** Wanted value that the device has seen. */
  observedDesired?: {
    /** Free-form facts about the value: its type, and when it was seen. */
    metadata?: {
      [k: string]: string;
    };
    /** Value as text. */
    value: string;
  };
  /** Name of the property. */
  propertyName?: string;
  /** Value that the device reported. */
  reported?: {
    /** Free-form facts about the value: its type, and when it was read. */
    metadata?: {
      [k: string]: string;
    };
    /** Value as text. */
    value: string;
  };
}

export interface DeviceStatusStatus {
  /** The latest observations, one of each type. */
  conditions?: Condition[];
  /** Free-form additions by other software. Left alone. */
  extensions?: {
    [k: string]: unknown;
  };
  /** Time of the last report in state online or ok, RFC 3339. */
  lastOnlineTime?: string;
  /** Name of the mapper that serves the device. */
  mapper?: string;
  /** One sentence for people about the reason. */
  message?: string;
  /** Edge node that reported last. */
  nodeName?: string;
  /** Protocol that the device is reached by. */
  protocol?: string;
  /** Why the device is in this state, in CamelCase. */
  reason?: string;
  /** online, offline, ok, unhealthy or unknown, as the mapper says. */
  state?: string;
  /** Properties with their wanted and reported values. */
  twins?: DeviceStatusTwin[];
}

/** What the edge last reported of a Device of the same name and namespace. */
export interface DeviceStatus {
  apiVersion: "devices.kubeedge.io/v1beta1";
  kind: "DeviceStatus";
  metadata: ObjectMeta;
  /** Unused. */
  spec?: {};
  /** What was observed. Written by the system. */
  status?: DeviceStatusStatus;
}
