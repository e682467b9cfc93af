// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run `npx node hack/generate/index.ts`.
export const schemas: Readonly<Record<string, object>> = {
 "DeviceModel": {
  "type": "object",
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {
    "type": "object"
   },
   "spec": {
    "type": "object",
    "properties": {
     "properties": {
      "type": "array",
      "items": {
       "type": "object",
       "properties": {
        "name": {
         "type": "string"
        },
        "type": {
         "type": "string",
         "enum": [
          "INT",
          "FLOAT",
          "DOUBLE",
          "STRING",
          "BOOLEAN",
          "BYTES",
          "STREAM"
         ]
        },
        "accessMode": {
         "type": "string",
         "enum": [
          "ReadWrite",
          "ReadOnly"
         ]
        },
        "description": {
         "type": "string"
        },
        "maximum": {
         "type": "string"
        },
        "minimum": {
         "type": "string"
        },
        "unit": {
         "type": "string"
        },
        "visitors": {
         "type": "object",
         "properties": {
          "configData": {
           "type": "object"
          },
          "protocolName": {
           "type": "string"
          }
         }
        }
       }
      }
     },
     "protocol": {
      "type": "string"
     },
     "protocolConfigData": {
      "type": "object"
     }
    }
   },
   "status": {
    "type": "object",
    "properties": {
     "conditions": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "type",
        "status",
        "lastTransitionTime",
        "reason",
        "message"
       ],
       "properties": {
        "type": {
         "type": "string",
         "maxLength": 316
        },
        "status": {
         "type": "string",
         "enum": [
          "True",
          "False",
          "Unknown"
         ]
        },
        "observedGeneration": {
         "type": "integer",
         "minimum": 0
        },
        "lastTransitionTime": {
         "type": "string"
        },
        "reason": {
         "type": "string",
         "minLength": 1,
         "maxLength": 1024
        },
        "message": {
         "type": "string",
         "maxLength": 32768
        }
       }
      }
     },
     "summary": {
      "type": "object",
      "properties": {
       "properties": {
        "type": "integer",
        "minimum": 0
       },
       "devices": {
        "type": "integer",
        "minimum": 0
       }
      }
     }
    }
   }
  }
 },
 "Device": {
  "type": "object",
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {
    "type": "object"
   },
   "spec": {
    "type": "object",
    "properties": {
     "deviceModelRef": {
      "type": "object",
      "properties": {
       "name": {
        "type": "string",
        "default": ""
       }
      }
     },
     "methods": {
      "type": "array",
      "items": {
       "type": "object",
       "properties": {
        "name": {
         "type": "string"
        },
        "description": {
         "type": "string"
        },
        "propertyNames": {
         "type": "array",
         "items": {
          "type": "string"
         }
        }
       }
      }
     },
     "nodeName": {
      "type": "string"
     },
     "properties": {
      "type": "array",
      "items": {
       "type": "object",
       "properties": {
        "name": {
         "type": "string"
        },
        "collectCycle": {
         "type": "integer"
        },
        "desired": {
         "type": "object",
         "required": [
          "value"
         ],
         "properties": {
          "metadata": {
           "type": "object",
           "additionalProperties": {
            "type": "string"
           }
          },
          "value": {
           "type": "string"
          }
         }
        },
        "pushMethod": {
         "type": "object",
         "properties": {
          "anomalyDetection": {
           "type": "object"
          },
          "dbMethod": {
           "type": "object",
           "properties": {
            "TDEngine": {
             "type": "object",
             "properties": {
              "TDEngineClientConfig": {
               "type": "object",
               "properties": {
                "addr": {
                 "type": "string"
                },
                "dbName": {
                 "type": "string"
                }
               }
              }
             }
            },
            "influxdb2": {
             "type": "object",
             "properties": {
              "influxdb2ClientConfig": {
               "type": "object",
               "properties": {
                "bucket": {
                 "type": "string"
                },
                "org": {
                 "type": "string"
                },
                "url": {
                 "type": "string"
                }
               }
              },
              "influxdb2DataConfig": {
               "type": "object",
               "properties": {
                "fieldKey": {
                 "type": "string"
                },
                "measurement": {
                 "type": "string"
                },
                "tag": {
                 "type": "object",
                 "additionalProperties": {
                  "type": "string"
                 }
                }
               }
              }
             }
            },
            "mysql": {
             "type": "object",
             "properties": {
              "mysqlClientConfig": {
               "type": "object",
               "properties": {
                "addr": {
                 "type": "string"
                },
                "database": {
                 "type": "string"
                },
                "userName": {
                 "type": "string"
                }
               }
              }
             }
            },
            "redis": {
             "type": "object",
             "properties": {
              "redisClientConfig": {
               "type": "object",
               "properties": {
                "addr": {
                 "type": "string"
                },
                "db": {
                 "type": "integer"
                },
                "minIdleConns": {
                 "type": "integer"
                },
                "poolsize": {
                 "type": "integer"
                }
               }
              }
             }
            }
           }
          },
          "http": {
           "type": "object",
           "properties": {
            "hostName": {
             "type": "string"
            },
            "port": {
             "type": "integer"
            },
            "requestPath": {
             "type": "string"
            },
            "timeout": {
             "type": "integer"
            }
           }
          },
          "mqtt": {
           "type": "object",
           "properties": {
            "address": {
             "type": "string"
            },
            "qos": {
             "type": "integer"
            },
            "retained": {
             "type": "boolean"
            },
            "topic": {
             "type": "string"
            }
           }
          },
          "otel": {
           "type": "object",
           "properties": {
            "endpointURL": {
             "type": "string"
            }
           }
          }
         }
        },
        "reportCycle": {
         "type": "integer"
        },
        "reportToCloud": {
         "type": "boolean"
        },
        "visitors": {
         "type": "object",
         "properties": {
          "configData": {
           "type": "object"
          },
          "protocolName": {
           "type": "string"
          }
         }
        }
       }
      }
     },
     "protocol": {
      "type": "object",
      "properties": {
       "configData": {
        "type": "object"
       },
       "protocolName": {
        "type": "string"
       }
      }
     },
     "stateReport": {
      "type": "object",
      "properties": {
       "reportCycle": {
        "type": "integer"
       },
       "reportToCloud": {
        "type": "boolean"
       }
      }
     }
    }
   },
   "status": {
    "type": "object",
    "properties": {
     "reportCycle": {
      "type": "integer"
     },
     "reportToCloud": {
      "type": "boolean"
     },
     "state": {
      "type": "string"
     },
     "lastOnlineTime": {
      "type": "string"
     },
     "conditions": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "type",
        "status",
        "lastTransitionTime",
        "reason",
        "message"
       ],
       "properties": {
        "type": {
         "type": "string",
         "maxLength": 316
        },
        "status": {
         "type": "string",
         "enum": [
          "True",
          "False",
          "Unknown"
         ]
        },
        "observedGeneration": {
         "type": "integer",
         "minimum": 0
        },
        "lastTransitionTime": {
         "type": "string"
        },
        "reason": {
         "type": "string",
         "minLength": 1,
         "maxLength": 1024
        },
        "message": {
         "type": "string",
         "maxLength": 32768
        }
       }
      }
     },
     "summary": {
      "type": "object",
      "properties": {
       "properties": {
        "type": "integer",
        "minimum": 0
       }
      }
     }
    }
   }
  }
 },
 "DeviceStatus": {
  "type": "object",
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {
    "type": "object"
   },
   "spec": {
    "type": "object"
   },
   "status": {
    "type": "object",
    "properties": {
     "conditions": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "type",
        "status",
        "lastTransitionTime",
        "reason",
        "message"
       ],
       "properties": {
        "type": {
         "type": "string",
         "maxLength": 316
        },
        "status": {
         "type": "string",
         "enum": [
          "True",
          "False",
          "Unknown"
         ]
        },
        "observedGeneration": {
         "type": "integer",
         "minimum": 0
        },
        "lastTransitionTime": {
         "type": "string"
        },
        "reason": {
         "type": "string",
         "minLength": 1,
         "maxLength": 1024
        },
        "message": {
         "type": "string",
         "maxLength": 32768
        }
       }
      }
     },
     "extensions": {
      "type": "object"
     },
     "lastOnlineTime": {
      "type": "string"
     },
     "mapper": {
      "type": "string"
     },
     "message": {
      "type": "string"
     },
     "nodeName": {
      "type": "string"
     },
     "protocol": {
      "type": "string"
     },
     "reason": {
      "type": "string"
     },
     "state": {
      "type": "string"
     },
     "twins": {
      "type": "array",
      "items": {
       "type": "object",
       "properties": {
        "observedDesired": {
         "type": "object",
         "required": [
          "value"
         ],
         "properties": {
          "metadata": {
           "type": "object",
           "additionalProperties": {
            "type": "string"
           }
          },
          "value": {
           "type": "string"
          }
         }
        },
        "propertyName": {
         "type": "string"
        },
        "reported": {
         "type": "object",
         "required": [
          "value"
         ],
         "properties": {
          "metadata": {
           "type": "object",
           "additionalProperties": {
            "type": "string"
           }
          },
          "value": {
           "type": "string"
          }
         }
        }
       }
      }
     }
    }
   }
  }
 }
};
