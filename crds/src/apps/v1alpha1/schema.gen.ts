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
            },
            "patchOverriders": {
             "type": "array",
             "items": {
              "type": "object",
              "required": [
               "patch"
              ],
              "properties": {
               "target": {
                "type": "object",
                "properties": {
                 "kind": {
                  "type": "string"
                 },
                 "name": {
                  "type": "string"
                 }
                }
               },
               "type": {
                "type": "string",
                "enum": [
                 "strategic",
                 "merge",
                 "json"
                ],
                "default": "strategic"
               },
               "patch": {}
              }
             }
            },
            "spread": {
             "type": "object",
             "properties": {
              "topologyKey": {
               "type": "string",
               "default": "kubernetes.io/hostname",
               "maxLength": 316
              },
              "maxSkew": {
               "type": "integer",
               "default": 1,
               "minimum": 1
              },
              "whenUnsatisfiable": {
               "type": "string",
               "enum": [
                "ScheduleAnyway",
                "DoNotSchedule"
               ],
               "default": "ScheduleAnyway"
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
            },
            "patchOverriders": {
             "type": "array",
             "items": {
              "type": "object",
              "required": [
               "patch"
              ],
              "properties": {
               "target": {
                "type": "object",
                "properties": {
                 "kind": {
                  "type": "string"
                 },
                 "name": {
                  "type": "string"
                 }
                }
               },
               "type": {
                "type": "string",
                "enum": [
                 "strategic",
                 "merge",
                 "json"
                ],
                "default": "strategic"
               },
               "patch": {}
              }
             }
            },
            "spread": {
             "type": "object",
             "properties": {
              "topologyKey": {
               "type": "string",
               "default": "kubernetes.io/hostname",
               "maxLength": 316
              },
              "maxSkew": {
               "type": "integer",
               "default": 1,
               "minimum": 1
              },
              "whenUnsatisfiable": {
               "type": "string",
               "enum": [
                "ScheduleAnyway",
                "DoNotSchedule"
               ],
               "default": "ScheduleAnyway"
              }
             }
            }
           }
          }
         }
        }
       },
       "targetNodeGroupSelectors": {
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
            },
            "patchOverriders": {
             "type": "array",
             "items": {
              "type": "object",
              "required": [
               "patch"
              ],
              "properties": {
               "target": {
                "type": "object",
                "properties": {
                 "kind": {
                  "type": "string"
                 },
                 "name": {
                  "type": "string"
                 }
                }
               },
               "type": {
                "type": "string",
                "enum": [
                 "strategic",
                 "merge",
                 "json"
                ],
                "default": "strategic"
               },
               "patch": {}
              }
             }
            },
            "spread": {
             "type": "object",
             "properties": {
              "topologyKey": {
               "type": "string",
               "default": "kubernetes.io/hostname",
               "maxLength": 316
              },
              "maxSkew": {
               "type": "integer",
               "default": 1,
               "minimum": 1
              },
              "whenUnsatisfiable": {
               "type": "string",
               "enum": [
                "ScheduleAnyway",
                "DoNotSchedule"
               ],
               "default": "ScheduleAnyway"
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
     },
     "breakGlass": {
      "type": "object",
      "properties": {
       "users": {
        "type": "array",
        "items": {
         "type": "string"
        }
       },
       "groups": {
        "type": "array",
        "items": {
         "type": "string"
        }
       }
      }
     },
     "rollout": {
      "type": "object",
      "properties": {
       "paused": {
        "type": "boolean"
       },
       "maxUnavailable": {
        "type": [
         "integer",
         "string"
        ]
       },
       "batches": {
        "type": "array",
        "items": {
         "type": "object",
         "required": [
          "name",
          "targets"
         ],
         "properties": {
          "name": {
           "type": "string",
           "minLength": 1,
           "maxLength": 63
          },
          "targets": {
           "type": "array",
           "items": {
            "type": "string"
           }
          }
         }
        }
       },
       "versions": {
        "type": "array",
        "items": {
         "type": "object",
         "required": [
          "name",
          "nodes"
         ],
         "properties": {
          "name": {
           "type": "string",
           "minLength": 1,
           "maxLength": 20,
           "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
          },
          "nodes": {
           "type": "array",
           "items": {
            "type": "string"
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
            },
            "patchOverriders": {
             "type": "array",
             "items": {
              "type": "object",
              "required": [
               "patch"
              ],
              "properties": {
               "target": {
                "type": "object",
                "properties": {
                 "kind": {
                  "type": "string"
                 },
                 "name": {
                  "type": "string"
                 }
                }
               },
               "type": {
                "type": "string",
                "enum": [
                 "strategic",
                 "merge",
                 "json"
                ],
                "default": "strategic"
               },
               "patch": {}
              }
             }
            },
            "spread": {
             "type": "object",
             "properties": {
              "topologyKey": {
               "type": "string",
               "default": "kubernetes.io/hostname",
               "maxLength": 316
              },
              "maxSkew": {
               "type": "integer",
               "default": 1,
               "minimum": 1
              },
              "whenUnsatisfiable": {
               "type": "string",
               "enum": [
                "ScheduleAnyway",
                "DoNotSchedule"
               ],
               "default": "ScheduleAnyway"
              }
             }
            }
           }
          }
         }
        }
       },
       "prePull": {
        "type": "object",
        "properties": {
         "enabled": {
          "type": "boolean"
         },
         "timeoutSeconds": {
          "type": "integer",
          "minimum": 1,
          "maximum": 86400
         }
        }
       },
       "checks": {
        "type": "array",
        "items": {
         "type": "object",
         "required": [
          "name",
          "query",
          "operator",
          "threshold"
         ],
         "properties": {
          "name": {
           "type": "string",
           "minLength": 1,
           "maxLength": 63
          },
          "query": {
           "type": "string",
           "minLength": 1,
           "maxLength": 4096
          },
          "operator": {
           "type": "string",
           "enum": [
            "<",
            "<=",
            ">",
            ">=",
            "==",
            "!="
           ]
          },
          "threshold": {
           "type": "string",
           "maxLength": 64,
           "pattern": "^[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
          }
         }
        }
       },
       "checkPolicy": {
        "type": "object",
        "properties": {
         "initialDelaySeconds": {
          "type": "integer",
          "minimum": 0,
          "maximum": 86400
         },
         "intervalSeconds": {
          "type": "integer",
          "minimum": 1,
          "maximum": 3600
         },
         "successes": {
          "type": "integer",
          "minimum": 1,
          "maximum": 1000
         },
         "failures": {
          "type": "integer",
          "minimum": 1,
          "maximum": 1000
         },
         "timeoutSeconds": {
          "type": "integer",
          "minimum": 1,
          "maximum": 86400
         }
        }
       },
       "onFailure": {
        "type": "string",
        "enum": [
         "Rollback",
         "Pause"
        ]
       },
       "progressDeadlineSeconds": {
        "type": "integer",
        "minimum": 1,
        "maximum": 604800
       },
       "revisionHistoryLimit": {
        "type": "integer",
        "minimum": 1,
        "maximum": 100
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
        },
        "message": {
         "type": "string",
         "maxLength": 1024
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
     },
     "targets": {
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
        "revision": {
         "type": "string"
        },
        "nodes": {
         "type": "integer",
         "minimum": 0
        },
        "readyNodes": {
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
        },
        "protected": {
         "type": "boolean"
        },
        "message": {
         "type": "string",
         "maxLength": 1024
        }
       }
      }
     },
     "rollout": {
      "type": "object",
      "properties": {
       "phase": {
        "type": "string"
       },
       "progress": {
        "type": "string"
       },
       "revision": {
        "type": "string"
       },
       "stableRevision": {
        "type": "string"
       },
       "failedRevision": {
        "type": "string"
       },
       "batch": {
        "type": "integer",
        "minimum": 0
       },
       "batches": {
        "type": "integer",
        "minimum": 0
       },
       "batchName": {
        "type": "string"
       },
       "phaseStartTime": {
        "type": "string"
       },
       "reason": {
        "type": "string",
        "maxLength": 64
       },
       "resumePhase": {
        "type": "string",
        "maxLength": 64
       },
       "elapsedSeconds": {
        "type": "integer",
        "minimum": 0
       },
       "message": {
        "type": "string",
        "maxLength": 1024
       },
       "updatedTargets": {
        "type": "array",
        "items": {
         "type": "string"
        }
       },
       "checks": {
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
          "time": {
           "type": "string"
          },
          "passed": {
           "type": "integer",
           "minimum": 0
          },
          "failed": {
           "type": "integer",
           "minimum": 0
          },
          "message": {
           "type": "string",
           "maxLength": 1024
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
     },
     "nodeTemplate": {
      "type": "object",
      "properties": {
       "labels": {
        "type": "object",
        "additionalProperties": {
         "type": "string"
        }
       },
       "annotations": {
        "type": "object",
        "additionalProperties": {
         "type": "string"
        }
       },
       "taints": {
        "type": "array",
        "items": {
         "type": "object",
         "required": [
          "key",
          "effect"
         ],
         "properties": {
          "key": {
           "type": "string"
          },
          "value": {
           "type": "string"
          },
          "effect": {
           "type": "string",
           "enum": [
            "NoSchedule",
            "PreferNoSchedule",
            "NoExecute"
           ]
          }
         }
        }
       }
      }
     },
     "breakGlass": {
      "type": "object",
      "properties": {
       "users": {
        "type": "array",
        "items": {
         "type": "string"
        }
       },
       "groups": {
        "type": "array",
        "items": {
         "type": "string"
        }
       }
      }
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
