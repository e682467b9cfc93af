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
         "type": "object",
         "properties": {
          "boolean": {
           "type": "object",
           "properties": {
            "accessMode": {
             "type": "string",
             "enum": [
              "ReadWrite",
              "ReadOnly"
             ]
            },
            "defaultValue": {
             "type": "boolean"
            }
           }
          },
          "bytes": {
           "type": "object",
           "properties": {
            "accessMode": {
             "type": "string",
             "enum": [
              "ReadWrite",
              "ReadOnly"
             ]
            }
           }
          },
          "double": {
           "type": "object",
           "properties": {
            "accessMode": {
             "type": "string",
             "enum": [
              "ReadWrite",
              "ReadOnly"
             ]
            },
            "defaultValue": {
             "type": "number"
            },
            "maximum": {
             "type": "number"
            },
            "minimum": {
             "type": "number"
            },
            "unit": {
             "type": "string"
            }
           }
          },
          "float": {
           "type": "object",
           "properties": {
            "accessMode": {
             "type": "string",
             "enum": [
              "ReadWrite",
              "ReadOnly"
             ]
            },
            "defaultValue": {
             "type": "number"
            },
            "maximum": {
             "type": "number"
            },
            "minimum": {
             "type": "number"
            },
            "unit": {
             "type": "string"
            }
           }
          },
          "int": {
           "type": "object",
           "properties": {
            "accessMode": {
             "type": "string",
             "enum": [
              "ReadWrite",
              "ReadOnly"
             ]
            },
            "defaultValue": {
             "type": "integer"
            },
            "maximum": {
             "type": "integer"
            },
            "minimum": {
             "type": "integer"
            },
            "unit": {
             "type": "string"
            }
           }
          },
          "string": {
           "type": "object",
           "properties": {
            "accessMode": {
             "type": "string",
             "enum": [
              "ReadWrite",
              "ReadOnly"
             ]
            },
            "defaultValue": {
             "type": "string"
            }
           }
          }
         }
        },
        "description": {
         "type": "string"
        }
       }
      }
     },
     "protocol": {
      "type": "string"
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
     "data": {
      "type": "object",
      "properties": {
       "dataProperties": {
        "type": "array",
        "items": {
         "type": "object",
         "properties": {
          "metadata": {
           "type": "object",
           "additionalProperties": {
            "type": "string"
           }
          },
          "propertyName": {
           "type": "string"
          }
         }
        }
       },
       "dataTopic": {
        "type": "string"
       }
      }
     },
     "deviceModelRef": {
      "type": "object",
      "properties": {
       "name": {
        "type": "string",
        "default": ""
       }
      }
     },
     "nodeSelector": {
      "type": "object",
      "required": [
       "nodeSelectorTerms"
      ],
      "properties": {
       "nodeSelectorTerms": {
        "type": "array",
        "items": {
         "type": "object",
         "properties": {
          "matchExpressions": {
           "type": "array",
           "items": {
            "type": "object",
            "required": [
             "key",
             "operator"
            ],
            "properties": {
             "key": {
              "type": "string"
             },
             "operator": {
              "type": "string"
             },
             "values": {
              "type": "array",
              "items": {
               "type": "string"
              }
             }
            }
           }
          },
          "matchFields": {
           "type": "array",
           "items": {
            "type": "object",
            "required": [
             "key",
             "operator"
            ],
            "properties": {
             "key": {
              "type": "string"
             },
             "operator": {
              "type": "string"
             },
             "values": {
              "type": "array",
              "items": {
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
     },
     "propertyVisitors": {
      "type": "array",
      "items": {
       "type": "object",
       "properties": {
        "bluetooth": {
         "type": "object",
         "properties": {
          "characteristicUUID": {
           "type": "string"
          },
          "dataConverter": {
           "type": "object",
           "properties": {
            "endIndex": {
             "type": "integer"
            },
            "orderOfOperations": {
             "type": "array",
             "items": {
              "type": "object",
              "properties": {
               "operationType": {
                "type": "string"
               },
               "operationValue": {
                "type": "number"
               }
              }
             }
            },
            "shiftLeft": {
             "type": "integer"
            },
            "shiftRight": {
             "type": "integer"
            },
            "startIndex": {
             "type": "integer"
            }
           }
          },
          "dataWrite": {
           "type": "object",
           "additionalProperties": {
            "type": "string"
           }
          }
         }
        },
        "collectCycle": {
         "type": "integer"
        },
        "customizedProtocol": {
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
        "customizedValues": {
         "type": "object"
        },
        "modbus": {
         "type": "object",
         "properties": {
          "isRegisterSwap": {
           "type": "boolean"
          },
          "isSwap": {
           "type": "boolean"
          },
          "limit": {
           "type": "integer"
          },
          "offset": {
           "type": "integer"
          },
          "register": {
           "type": "string",
           "enum": [
            "CoilRegister",
            "DiscreteInputRegister",
            "InputRegister",
            "HoldingRegister"
           ]
          },
          "scale": {
           "type": "number"
          }
         }
        },
        "opcua": {
         "type": "object",
         "properties": {
          "browseName": {
           "type": "string"
          },
          "nodeID": {
           "type": "string"
          }
         }
        },
        "propertyName": {
         "type": "string"
        },
        "reportCycle": {
         "type": "integer"
        }
       }
      }
     },
     "protocol": {
      "type": "object",
      "properties": {
       "bluetooth": {
        "type": "object",
        "properties": {
         "macAddress": {
          "type": "string"
         }
        }
       },
       "common": {
        "type": "object",
        "properties": {
         "collectRetryTimes": {
          "type": "integer"
         },
         "collectTimeout": {
          "type": "integer"
         },
         "collectType": {
          "type": "string",
          "enum": [
           "sync",
           "async"
          ]
         },
         "com": {
          "type": "object",
          "properties": {
           "baudRate": {
            "type": "integer",
            "enum": [
             115200,
             57600,
             38400,
             19200,
             9600,
             4800,
             2400,
             1800,
             1200,
             600,
             300,
             200,
             150,
             134,
             110,
             75,
             50
            ]
           },
           "dataBits": {
            "type": "integer",
            "enum": [
             8,
             7,
             6,
             5
            ]
           },
           "parity": {
            "type": "string",
            "enum": [
             "none",
             "even",
             "odd"
            ]
           },
           "serialPort": {
            "type": "string"
           },
           "stopBits": {
            "type": "integer",
            "enum": [
             1,
             2
            ]
           }
          }
         },
         "commType": {
          "type": "string"
         },
         "customizedValues": {
          "type": "object"
         },
         "reconnRetryTimes": {
          "type": "integer"
         },
         "reconnTimeout": {
          "type": "integer"
         },
         "tcp": {
          "type": "object",
          "properties": {
           "ip": {
            "type": "string"
           },
           "port": {
            "type": "integer"
           }
          }
         }
        }
       },
       "customizedProtocol": {
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
       "modbus": {
        "type": "object",
        "properties": {
         "slaveID": {
          "type": "integer"
         }
        }
       },
       "opcua": {
        "type": "object",
        "properties": {
         "certificate": {
          "type": "string"
         },
         "password": {
          "type": "string"
         },
         "privateKey": {
          "type": "string"
         },
         "securityMode": {
          "type": "string"
         },
         "securityPolicy": {
          "type": "string"
         },
         "timeout": {
          "type": "integer"
         },
         "url": {
          "type": "string"
         },
         "userName": {
          "type": "string"
         }
        }
       }
      }
     }
    }
   },
   "status": {
    "type": "object",
    "properties": {
     "twins": {
      "type": "array",
      "items": {
       "type": "object",
       "properties": {
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
   "twins": {
    "type": "array",
    "items": {
     "type": "object",
     "properties": {
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
};
