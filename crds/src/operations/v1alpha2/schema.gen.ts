// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run `npx node hack/generate/index.ts`.
export const schemas: Readonly<Record<string, object>> = {
 "ConfigUpdateJob": {
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
    "required": [
     "updateFields"
    ],
    "properties": {
     "concurrency": {
      "type": "integer",
      "default": 1
     },
     "failureTolerate": {
      "type": "string",
      "default": "0.1"
     },
     "labelSelector": {
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
       "matchLabels": {
        "type": "object",
        "additionalProperties": {
         "type": "string"
        }
       }
      }
     },
     "nodeNames": {
      "type": "array",
      "items": {
       "type": "string"
      }
     },
     "timeoutSeconds": {
      "type": "integer",
      "default": 300
     },
     "updateFields": {
      "type": "object",
      "additionalProperties": {
       "type": "string",
       "pattern": "^[^,;|&$`<>\\x00-\\x1f\\x7f]*$"
      }
     }
    }
   },
   "status": {
    "type": "object",
    "required": [
     "phase"
    ],
    "properties": {
     "nodeStatus": {
      "type": "array",
      "items": {
       "type": "object",
       "properties": {
        "actionFlow": {
         "type": "array",
         "items": {
          "type": "object",
          "properties": {
           "action": {
            "type": "string"
           },
           "reason": {
            "type": "string"
           },
           "status": {
            "type": "string"
           },
           "time": {
            "type": "string"
           }
          }
         }
        },
        "nodeName": {
         "type": "string"
        },
        "phase": {
         "type": "string"
        },
        "reason": {
         "type": "string"
        },
        "attempt": {
         "type": "integer",
         "minimum": 0
        },
        "startTime": {
         "type": "string"
        },
        "progress": {
         "type": "string",
         "maxLength": 256
        },
        "log": {
         "type": "string",
         "maxLength": 4096
        },
        "supersededBy": {
         "type": "string"
        },
        "lastReportTime": {
         "type": "string"
        }
       }
      }
     },
     "phase": {
      "type": "string"
     },
     "reason": {
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
       "fields": {
        "type": "integer",
        "minimum": 0
       },
       "total": {
        "type": "integer",
        "minimum": 0
       },
       "done": {
        "type": "integer",
        "minimum": 0
       },
       "failed": {
        "type": "integer",
        "minimum": 0
       },
       "running": {
        "type": "integer",
        "minimum": 0
       },
       "pending": {
        "type": "integer",
        "minimum": 0
       },
       "offline": {
        "type": "integer",
        "minimum": 0
       },
       "superseded": {
        "type": "integer",
        "minimum": 0
       }
      }
     },
     "sequence": {
      "type": "string"
     }
    }
   }
  }
 },
 "ImagePrePullJob": {
  "type": "object",
  "required": [
   "spec"
  ],
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
     "imagePrePullTemplate": {
      "type": "object",
      "properties": {
       "checkItems": {
        "type": "array",
        "items": {
         "type": "string"
        }
       },
       "concurrency": {
        "type": "integer",
        "default": 1
       },
       "failureTolerate": {
        "type": "string",
        "default": "0.1"
       },
       "imageSecrets": {
        "type": "string"
       },
       "images": {
        "type": "array",
        "items": {
         "type": "string",
         "pattern": "^([A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?/)?[A-Za-z0-9][\\w.-]*(/[A-Za-z0-9][\\w.-]*)*(:\\w[\\w.-]{0,127})?(@sha256:[A-Fa-f0-9]{64})?$"
        }
       },
       "labelSelector": {
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
         "matchLabels": {
          "type": "object",
          "additionalProperties": {
           "type": "string"
          }
         }
        }
       },
       "nodeNames": {
        "type": "array",
        "items": {
         "type": "string"
        }
       },
       "retryTimes": {
        "type": "integer",
        "default": 0
       },
       "timeoutSeconds": {
        "type": "integer",
        "default": 300
       }
      }
     }
    }
   },
   "status": {
    "type": "object",
    "required": [
     "phase"
    ],
    "properties": {
     "action": {
      "type": "string"
     },
     "event": {
      "type": "string"
     },
     "nodeStatus": {
      "type": "array",
      "items": {
       "type": "object",
       "properties": {
        "actionFlow": {
         "type": "array",
         "items": {
          "type": "object",
          "properties": {
           "action": {
            "type": "string"
           },
           "reason": {
            "type": "string"
           },
           "status": {
            "type": "string"
           },
           "time": {
            "type": "string"
           }
          }
         }
        },
        "imageStatus": {
         "type": "array",
         "items": {
          "type": "object",
          "properties": {
           "image": {
            "type": "string"
           },
           "reason": {
            "type": "string"
           },
           "status": {
            "type": "string"
           }
          }
         }
        },
        "nodeName": {
         "type": "string"
        },
        "phase": {
         "type": "string"
        },
        "reason": {
         "type": "string"
        },
        "attempt": {
         "type": "integer",
         "minimum": 0
        },
        "startTime": {
         "type": "string"
        },
        "progress": {
         "type": "string",
         "maxLength": 256
        },
        "log": {
         "type": "string",
         "maxLength": 4096
        },
        "supersededBy": {
         "type": "string"
        },
        "lastReportTime": {
         "type": "string"
        },
        "state": {
         "type": "string"
        },
        "event": {
         "type": "string"
        }
       }
      }
     },
     "phase": {
      "type": "string"
     },
     "reason": {
      "type": "string"
     },
     "state": {
      "type": "string"
     },
     "status": {
      "type": "array",
      "items": {
       "type": "object",
       "properties": {
        "imageStatus": {
         "type": "array",
         "items": {
          "type": "object",
          "properties": {
           "image": {
            "type": "string"
           },
           "reason": {
            "type": "string"
           },
           "state": {
            "type": "string"
           }
          }
         }
        },
        "nodeStatus": {
         "type": "object",
         "properties": {
          "action": {
           "type": "string"
          },
          "event": {
           "type": "string"
          },
          "nodeName": {
           "type": "string"
          },
          "reason": {
           "type": "string"
          },
          "state": {
           "type": "string"
          },
          "time": {
           "type": "string"
          }
         }
        }
       }
      }
     },
     "time": {
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
       "images": {
        "type": "integer",
        "minimum": 0
       },
       "total": {
        "type": "integer",
        "minimum": 0
       },
       "done": {
        "type": "integer",
        "minimum": 0
       },
       "failed": {
        "type": "integer",
        "minimum": 0
       },
       "running": {
        "type": "integer",
        "minimum": 0
       },
       "pending": {
        "type": "integer",
        "minimum": 0
       },
       "offline": {
        "type": "integer",
        "minimum": 0
       },
       "superseded": {
        "type": "integer",
        "minimum": 0
       }
      }
     },
     "sequence": {
      "type": "string"
     }
    }
   }
  }
 },
 "NodeUpgradeJob": {
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
     "checkItems": {
      "type": "array",
      "items": {
       "type": "string"
      }
     },
     "concurrency": {
      "type": "integer",
      "default": 1
     },
     "failureTolerate": {
      "type": "string",
      "default": "0.1"
     },
     "image": {
      "type": "string"
     },
     "imageDigestGatter": {
      "type": "object",
      "properties": {
       "amd64": {
        "type": "string"
       },
       "arm64": {
        "type": "string"
       },
       "registryAPI": {
        "type": "object",
        "required": [
         "host",
         "token"
        ],
        "properties": {
         "host": {
          "type": "string"
         },
         "token": {
          "type": "string"
         }
        }
       },
       "value": {
        "type": "string"
       }
      }
     },
     "labelSelector": {
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
       "matchLabels": {
        "type": "object",
        "additionalProperties": {
         "type": "string"
        }
       }
      }
     },
     "nodeNames": {
      "type": "array",
      "items": {
       "type": "string"
      }
     },
     "requireConfirmation": {
      "type": "boolean"
     },
     "timeoutSeconds": {
      "type": "integer",
      "default": 300
     },
     "version": {
      "type": "string"
     }
    }
   },
   "status": {
    "type": "object",
    "required": [
     "phase"
    ],
    "properties": {
     "action": {
      "type": "string"
     },
     "currentVersion": {
      "type": "string"
     },
     "event": {
      "type": "string"
     },
     "historicVersion": {
      "type": "string"
     },
     "nodeStatus": {
      "type": "array",
      "items": {
       "type": "object",
       "properties": {
        "actionFlow": {
         "type": "array",
         "items": {
          "type": "object",
          "properties": {
           "action": {
            "type": "string"
           },
           "reason": {
            "type": "string"
           },
           "status": {
            "type": "string"
           },
           "time": {
            "type": "string"
           }
          }
         }
        },
        "currentVersion": {
         "type": "string"
        },
        "event": {
         "type": "string"
        },
        "historicVersion": {
         "type": "string"
        },
        "nodeName": {
         "type": "string"
        },
        "phase": {
         "type": "string"
        },
        "reason": {
         "type": "string"
        },
        "state": {
         "type": "string"
        },
        "attempt": {
         "type": "integer",
         "minimum": 0
        },
        "startTime": {
         "type": "string"
        },
        "progress": {
         "type": "string",
         "maxLength": 256
        },
        "log": {
         "type": "string",
         "maxLength": 4096
        },
        "supersededBy": {
         "type": "string"
        },
        "lastReportTime": {
         "type": "string"
        }
       }
      }
     },
     "phase": {
      "type": "string"
     },
     "reason": {
      "type": "string"
     },
     "state": {
      "type": "string"
     },
     "time": {
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
       "total": {
        "type": "integer",
        "minimum": 0
       },
       "done": {
        "type": "integer",
        "minimum": 0
       },
       "failed": {
        "type": "integer",
        "minimum": 0
       },
       "running": {
        "type": "integer",
        "minimum": 0
       },
       "pending": {
        "type": "integer",
        "minimum": 0
       },
       "offline": {
        "type": "integer",
        "minimum": 0
       },
       "superseded": {
        "type": "integer",
        "minimum": 0
       }
      }
     },
     "sequence": {
      "type": "string"
     }
    }
   }
  }
 }
};
