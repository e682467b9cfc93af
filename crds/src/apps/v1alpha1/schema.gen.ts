// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run `npx node hack/generate/index.ts`.
export const schemas: Readonly<Record<string, object>> = {
 "EdgeApplication": {
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
    "required": [
     "workloadScope"
    ],
    "properties": {
     "workloadScope": {
      "type": "object",
      "properties": {
       "targetNodeGroups": {
        "type": "array",
        "items": {
         "type": "object",
         "required": [
          "name"
         ],
         "properties": {
          "name": {
           "type": "string"
          },
          "overriders": {
           "type": "object",
           "properties": {
            "argsOverriders": {
             "type": "array",
             "items": {
              "type": "object",
              "required": [
               "containerName",
               "operator"
              ],
              "properties": {
               "containerName": {
                "type": "string"
               },
               "operator": {
                "type": "string",
                "enum": [
                 "add",
                 "remove"
                ]
               },
               "value": {
                "type": "array",
                "items": {
                 "type": "string"
                }
               }
              }
             }
            },
            "commandOverriders": {
             "type": "array",
             "items": {
              "type": "object",
              "required": [
               "containerName",
               "operator"
              ],
              "properties": {
               "containerName": {
                "type": "string"
               },
               "operator": {
                "type": "string",
                "enum": [
                 "add",
                 "remove"
                ]
               },
               "value": {
                "type": "array",
                "items": {
                 "type": "string"
                }
               }
              }
             }
            },
            "envOverriders": {
             "type": "array",
             "items": {
              "type": "object",
              "required": [
               "containerName",
               "operator"
              ],
              "properties": {
               "containerName": {
                "type": "string"
               },
               "operator": {
                "type": "string",
                "enum": [
                 "add",
                 "remove",
                 "replace"
                ]
               },
               "value": {
                "type": "array",
                "items": {
                 "type": "object",
                 "required": [
                  "name"
                 ],
                 "properties": {
                  "name": {
                   "type": "string"
                  },
                  "value": {
                   "type": "string"
                  },
                  "valueFrom": {
                   "type": "object",
                   "properties": {
                    "configMapKeyRef": {
                     "type": "object",
                     "required": [
                      "key"
                     ],
                     "properties": {
                      "name": {
                       "type": "string",
                       "default": ""
                      },
                      "key": {
                       "type": "string"
                      },
                      "optional": {
                       "type": "boolean"
                      }
                     }
                    },
                    "fieldRef": {
                     "type": "object",
                     "required": [
                      "fieldPath"
                     ],
                     "properties": {
                      "apiVersion": {
                       "type": "string"
                      },
                      "fieldPath": {
                       "type": "string"
                      }
                     }
                    },
                    "resourceFieldRef": {
                     "type": "object",
                     "required": [
                      "resource"
                     ],
                     "properties": {
                      "containerName": {
                       "type": "string"
                      },
                      "divisor": {
                       "type": [
                        "integer",
                        "string"
                       ]
                      },
                      "resource": {
                       "type": "string"
                      }
                     }
                    },
                    "secretKeyRef": {
                     "type": "object",
                     "required": [
                      "key"
                     ],
                     "properties": {
                      "name": {
                       "type": "string",
                       "default": ""
                      },
                      "key": {
                       "type": "string"
                      },
                      "optional": {
                       "type": "boolean"
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
            },
            "imageOverriders": {
             "type": "array",
             "items": {
              "type": "object",
              "required": [
               "component",
               "operator"
              ],
              "properties": {
               "component": {
                "type": "string",
                "enum": [
                 "Registry",
                 "Repository",
                 "Tag"
                ]
               },
               "operator": {
                "type": "string",
                "enum": [
                 "add",
                 "remove",
                 "replace"
                ]
               },
               "predicate": {
                "type": "object",
                "required": [
                 "path"
                ],
                "properties": {
                 "path": {
                  "type": "string"
                 }
                }
               },
               "value": {
                "type": "string"
               }
              }
             }
            },
            "replicas": {
             "type": "integer"
            },
            "resourcesOverriders": {
             "type": "array",
             "items": {
              "type": "object",
              "required": [
               "containerName",
               "value"
              ],
              "properties": {
               "containerName": {
                "type": "string"
               },
               "value": {
                "type": "object",
                "properties": {
                 "claims": {
                  "type": "array",
                  "items": {
                   "type": "object",
                   "required": [
                    "name"
                   ],
                   "properties": {
                    "name": {
                     "type": "string"
                    },
                    "request": {
                     "type": "string"
                    }
                   }
                  }
                 },
                 "limits": {
                  "type": "object",
                  "additionalProperties": {
                   "type": [
                    "integer",
                    "string"
                   ]
                  }
                 },
                 "requests": {
                  "type": "object",
                  "additionalProperties": {
                   "type": [
                    "integer",
                    "string"
                   ]
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
        }
       },
       "targetNodeLabels": {
        "type": "array",
        "items": {
         "type": "object",
         "properties": {
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
          "overriders": {
           "type": "object",
           "properties": {
            "argsOverriders": {
             "type": "array",
             "items": {
              "type": "object",
              "required": [
               "containerName",
               "operator"
              ],
              "properties": {
               "containerName": {
                "type": "string"
               },
               "operator": {
                "type": "string",
                "enum": [
                 "add",
                 "remove"
                ]
               },
               "value": {
                "type": "array",
                "items": {
                 "type": "string"
                }
               }
              }
             }
            },
            "commandOverriders": {
             "type": "array",
             "items": {
              "type": "object",
              "required": [
               "containerName",
               "operator"
              ],
              "properties": {
               "containerName": {
                "type": "string"
               },
               "operator": {
                "type": "string",
                "enum": [
                 "add",
                 "remove"
                ]
               },
               "value": {
                "type": "array",
                "items": {
                 "type": "string"
                }
               }
              }
             }
            },
            "envOverriders": {
             "type": "array",
             "items": {
              "type": "object",
              "required": [
               "containerName",
               "operator"
              ],
              "properties": {
               "containerName": {
                "type": "string"
               },
               "operator": {
                "type": "string",
                "enum": [
                 "add",
                 "remove",
                 "replace"
                ]
               },
               "value": {
                "type": "array",
                "items": {
                 "type": "object",
                 "required": [
                  "name"
                 ],
                 "properties": {
                  "name": {
                   "type": "string"
                  },
                  "value": {
                   "type": "string"
                  },
                  "valueFrom": {
                   "type": "object",
                   "properties": {
                    "configMapKeyRef": {
                     "type": "object",
                     "required": [
                      "key"
                     ],
                     "properties": {
                      "name": {
                       "type": "string",
                       "default": ""
                      },
                      "key": {
                       "type": "string"
                      },
                      "optional": {
                       "type": "boolean"
                      }
                     }
                    },
                    "fieldRef": {
                     "type": "object",
                     "required": [
                      "fieldPath"
                     ],
                     "properties": {
                      "apiVersion": {
                       "type": "string"
                      },
                      "fieldPath": {
                       "type": "string"
                      }
                     }
                    },
                    "resourceFieldRef": {
                     "type": "object",
                     "required": [
                      "resource"
                     ],
                     "properties": {
                      "containerName": {
                       "type": "string"
                      },
                      "divisor": {
                       "type": [
                        "integer",
                        "string"
                       ]
                      },
                      "resource": {
                       "type": "string"
                      }
                     }
                    },
                    "secretKeyRef": {
                     "type": "object",
                     "required": [
                      "key"
                     ],
                     "properties": {
                      "name": {
                       "type": "string",
                       "default": ""
                      },
                      "key": {
                       "type": "string"
                      },
                      "optional": {
                       "type": "boolean"
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
            },
            "imageOverriders": {
             "type": "array",
             "items": {
              "type": "object",
              "required": [
               "component",
               "operator"
              ],
              "properties": {
               "component": {
                "type": "string",
                "enum": [
                 "Registry",
                 "Repository",
                 "Tag"
                ]
               },
               "operator": {
                "type": "string",
                "enum": [
                 "add",
                 "remove",
                 "replace"
                ]
               },
               "predicate": {
                "type": "object",
                "required": [
                 "path"
                ],
                "properties": {
                 "path": {
                  "type": "string"
                 }
                }
               },
               "value": {
                "type": "string"
               }
              }
             }
            },
            "replicas": {
             "type": "integer"
            },
            "resourcesOverriders": {
             "type": "array",
             "items": {
              "type": "object",
              "required": [
               "containerName",
               "value"
              ],
              "properties": {
               "containerName": {
                "type": "string"
               },
               "value": {
                "type": "object",
                "properties": {
                 "claims": {
                  "type": "array",
                  "items": {
                   "type": "object",
                   "required": [
                    "name"
                   ],
                   "properties": {
                    "name": {
                     "type": "string"
                    },
                    "request": {
                     "type": "string"
                    }
                   }
                  }
                 },
                 "limits": {
                  "type": "object",
                  "additionalProperties": {
                   "type": [
                    "integer",
                    "string"
                   ]
                  }
                 },
                 "requests": {
                  "type": "object",
                  "additionalProperties": {
                   "type": [
                    "integer",
                    "string"
                   ]
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
        }
       }
      }
     },
     "workloadTemplate": {
      "type": "object",
      "properties": {
       "manifests": {
        "type": "array",
        "items": {
         "type": "object"
        }
       }
      }
     }
    }
   },
   "status": {
    "type": "object",
    "properties": {
     "workloadStatus": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "identifier"
       ],
       "properties": {
        "conditions": {
         "type": "string",
         "enum": [
          "Processing",
          "Available"
         ]
        },
        "identifier": {
         "type": "object",
         "required": [
          "ordinal"
         ],
         "properties": {
          "name": {
           "type": "string"
          },
          "group": {
           "type": "string"
          },
          "kind": {
           "type": "string"
          },
          "namespace": {
           "type": "string"
          },
          "ordinal": {
           "type": "integer",
           "minimum": 0
          },
          "resource": {
           "type": "string"
          },
          "version": {
           "type": "string"
          }
         }
        }
       }
      }
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
       "groups": {
        "type": "integer",
        "minimum": 0
       },
       "desired": {
        "type": "integer",
        "minimum": 0
       },
       "available": {
        "type": "integer",
        "minimum": 0
       },
       "upToDate": {
        "type": "integer",
        "minimum": 0
       }
      }
     }
    }
   }
  }
 },
 "NodeGroup": {
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
     "matchLabels": {
      "type": "object",
      "additionalProperties": {
       "type": "string"
      }
     },
     "nodes": {
      "type": "array",
      "items": {
       "type": "string"
      }
     },
     "topologyEnabled": {
      "type": "boolean"
     }
    }
   },
   "status": {
    "type": "object",
    "properties": {
     "nodeStatuses": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "nodeName",
        "readyStatus",
        "selectionStatus"
       ],
       "properties": {
        "nodeName": {
         "type": "string"
        },
        "readyStatus": {
         "type": "string"
        },
        "selectionStatus": {
         "type": "string"
        },
        "selectionStatusReason": {
         "type": "string"
        }
       }
      }
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
       "nodes": {
        "type": "integer",
        "minimum": 0
       },
       "ready": {
        "type": "integer",
        "minimum": 0
       },
       "offline": {
        "type": "integer",
        "minimum": 0
       }
      }
     }
    }
   }
  }
 }
};
