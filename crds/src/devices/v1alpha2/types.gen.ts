// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run `npx node hack/generate/index.ts`.
import type { Condition, ObjectMeta } from "../../meta.ts";

export interface DeviceModelProperty {
  /** Name of the property, unique in the model. */
  name?: string;
  /** Type of the value. */
  type?: {
    /** Boolean value. */
    boolean?: {
      /** Whether the value can be written. */
      accessMode?: "ReadWrite" | "ReadOnly";
      /** Value while nothing else is wanted. */
      defaultValue?: boolean;
    };
    /** Bytes. */
    bytes?: {
      /** Whether the value can be written. */
      accessMode?: "ReadWrite" | "ReadOnly";
    };
    /** 64-bit floating point value. */
    double?: {
      /** Whether the value can be written. */
      accessMode?: "ReadWrite" | "ReadOnly";
      /** Value while nothing else is wanted. */
      defaultValue?: number;
      /** Highest value allowed. */
      maximum?: number;
      /** Lowest value allowed. */
      minimum?: number;
      /** Unit of the value. */
      unit?: string;
    };
    /** 32-bit floating point value. */
    float?: {
      /** Whether the value can be written. */
      accessMode?: "ReadWrite" | "ReadOnly";
      /** Value while nothing else is wanted. */
      defaultValue?: number;
      /** Highest value allowed. */
      maximum?: number;
      /** Lowest value allowed. */
      minimum?: number;
      /** Unit of the value. */
      unit?: string;
    };
    /** Integer value. */
    int?: {
      /** Whether the value can be written. */
      accessMode?: "ReadWrite" | "ReadOnly";
      /** Value while nothing else is wanted. */
      defaultValue?: number;
      /** Highest value allowed. */
      maximum?: number;
      /** Lowest value allowed. */
      minimum?: number;
      /** Unit of the value. */
      unit?: string;
    };
    /** Text. */
    string?: {
      /** Whether the value can be written. */
      accessMode?: "ReadWrite" | "ReadOnly";
      /** Value while nothing else is wanted. */
      defaultValue?: string;
    };
  };
  /** What the property is. */
  description?: string;
}

export interface DeviceModelSpec {
  /** Properties that devices of this model have. */
  properties?: DeviceModelProperty[];
  /** Protocol of the devices. */
  protocol?: string;
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
  apiVersion: "devices.kubeedge.io/v1alpha2";
  kind: "DeviceModel";
  metadata: ObjectMeta;
  /** What is wanted. */
  spec?: DeviceModelSpec;
  /** What was observed. Written by the system. */
  status?: DeviceModelStatus;
}

export interface DeviceDataProperty {
  /** Free-form facts about the value. */
  metadata?: {
    [k: string]: string;
  };
  /** Name of the property. */
  propertyName?: string;
}

export interface LabelRequirement {
  /** Label key. */
  key: string;
  /** In, NotIn, Exists or DoesNotExist. */
  operator: string;
  /** Values for In and NotIn. */
  values?: string[];
}

export interface DeviceMatchField {
  /** Name of the field. */
  key: string;
  /** In or NotIn. */
  operator: string;
  /** Values to compare with. */
  values?: string[];
}

export interface DeviceNodeSelectorTerm {
  /** Conditions, all of which have to match. */
  matchExpressions?: LabelRequirement[];
  /** Conditions on fields of the node. */
  matchFields?: DeviceMatchField[];
}

export interface DeviceOrderOfOperation {
  /** Add, Subtract, Multiply or Divide. */
  operationType?: string;
  /** Operand. */
  operationValue?: number;
}

export interface DevicePropertyVisitor {
  /** Bluetooth. */
  bluetooth?: {
    /** Characteristic of the property. */
    characteristicUUID?: string;
    /** Turns bytes read into a value. */
    dataConverter?: {
      /** Last byte. */
      endIndex?: number;
      /** Arithmetic to apply, in order. */
      orderOfOperations?: DeviceOrderOfOperation[];
      /** Bits to shift left. */
      shiftLeft?: number;
      /** Bits to shift right. */
      shiftRight?: number;
      /** First byte. */
      startIndex?: number;
    };
    /** Bytes to write for each value. */
    dataWrite?: {
      [k: string]: string;
    };
  };
  /** Milliseconds between two readings of the device. */
  collectCycle?: number;
  /** Any other protocol. */
  customizedProtocol?: {
    /** Settings that only the mapper of this protocol understands. */
    configData?: {
      [k: string]: unknown;
    };
    /** Protocol, and with it the mapper, in charge. */
    protocolName?: string;
  };
  /** Settings that only the mapper understands. */
  customizedValues?: {
    [k: string]: unknown;
  };
  /** Modbus. */
  modbus?: {
    /** Whether registers are swapped. */
    isRegisterSwap?: boolean;
    /** Whether bytes are swapped. */
    isSwap?: boolean;
    /** Number of registers. */
    limit?: number;
    /** Offset of the first register. */
    offset?: number;
    /** Register type. */
    register?: "CoilRegister" | "DiscreteInputRegister" | "InputRegister" | "HoldingRegister";
    /** Factor from the raw value to the value. */
    scale?: number;
  };
  /** OPC UA. */
  opcua?: {
    /** Browse name of the node. */
    browseName?: string;
    /** Node of the property. */
    nodeID?: string;
  };
  /** Name of the property. */
  propertyName?: string;
  /** Milliseconds between two reports to the cloud. */
  reportCycle?: number;
}

export interface DeviceSpec {
  /** Values that a mapper publishes without making them properties. */
  data?: {
    /** The values. */
    dataProperties?: DeviceDataProperty[];
    /** Topic that they are published on. */
    dataTopic?: string;
  };
  /** The model in the same namespace that describes this device. */
  deviceModelRef?: {
    /** Name of the DeviceModel. */
    name?: string;
  };
  /** Edge node that the device is attached to. */
  nodeSelector?: {
    /** Alternatives; one of them has to match. */
    nodeSelectorTerms: DeviceNodeSelectorTerm[];
  };
  /** How each property is read and written. */
  propertyVisitors?: DevicePropertyVisitor[];
  /** Protocol of the device, with settings that override the model's. */
  protocol?: {
    /** Bluetooth. */
    bluetooth?: {
      /** Address of the device. */
      macAddress?: string;
    };
    /** Settings that all protocols share. */
    common?: {
      /** How often a failed reading is repeated. */
      collectRetryTimes?: number;
      /** Timeout of one reading in milliseconds. */
      collectTimeout?: number;
      /** Whether readings wait for each other. */
      collectType?: "sync" | "async";
      /** Serial line. */
      com?: {
        /** Baud rate. */
        baudRate?:
          | 115200
          | 57600
          | 38400
          | 19200
          | 9600
          | 4800
          | 2400
          | 1800
          | 1200
          | 600
          | 300
          | 200
          | 150
          | 134
          | 110
          | 75
          | 50;
        /** Data bits. */
        dataBits?: 8 | 7 | 6 | 5;
        /** Parity. */
        parity?: "none" | "even" | "odd";
        /** Serial device, for example /dev/ttyS0. */
        serialPort?: string;
        /** Stop bits. */
        stopBits?: 1 | 2;
      };
      /** Kind of connection. */
      commType?: string;
      /** Settings that only the mapper understands. */
      customizedValues?: {
        [k: string]: unknown;
      };
      /** How often a lost connection is re-established. */
      reconnRetryTimes?: number;
      /** Timeout of one attempt in milliseconds. */
      reconnTimeout?: number;
      /** TCP connection. */
      tcp?: {
        /** IP address. */
        ip?: string;
        /** Port. */
        port?: number;
      };
    };
    /** Any other protocol. */
    customizedProtocol?: {
      /** Settings that only the mapper of this protocol understands. */
      configData?: {
        [k: string]: unknown;
      };
      /** Protocol, and with it the mapper, in charge. */
      protocolName?: string;
    };
    /** Modbus. */
    modbus?: {
      /** Modbus unit of the device. */
      slaveID?: number;
    };
    /** OPC UA. */
    opcua?: {
      /** Certificate of the client. */
      certificate?: string;
      /** Password. */
      password?: string;
      /** Private key of the client. */
      privateKey?: string;
      /** Security mode. */
      securityMode?: string;
      /** Security policy. */
      securityPolicy?: string;
      /** Timeout of one request in seconds. */
      timeout?: number;
      /** URL of the server. */
      url?: string;
      /** User name. */
      userName?: string;
    };
  };
}

export interface DeviceTwin {
  /** Value that was wanted. */
  desired?: {
    /** Free-form facts about the value, for example its type. */
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

/** One physical device, bound to an edge node: its properties, the values wanted of them, and how to reach it. */
export interface Device {
  apiVersion: "devices.kubeedge.io/v1alpha2";
  kind: "Device";
  metadata: ObjectMeta;
  /** What is wanted. */
  spec?: DeviceSpec;
  /** Progress of the device's delivery. Reported values are in the DeviceStatus of the same name. */
  status?: {
    /** Properties with their wanted and reported values. */
    twins?: DeviceTwin[];
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
  };
}

export interface DeviceStatusTwin {
  /** Value that was wanted. */
  desired?: {
    /** Free-form facts about the value, for example its type. */
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

/** What the edge last reported of a Device of the same name and namespace. */
export interface DeviceStatus {
  apiVersion: "devices.kubeedge.io/v1alpha2";
  kind: "DeviceStatus";
  metadata: ObjectMeta;
  /** Properties with their wanted and reported values. */
  twins?: DeviceStatusTwin[];
}
