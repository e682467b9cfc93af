// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run `npx node hack/generate/index.ts`.
export const schemas: Readonly<Record<string, object>> = {
 "ServiceAccountAccess": {
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
     "accessClusterRoleBinding": {
      "type": "array",
      "items": {
       "type": "object",
       "properties": {
        "clusterRoleBinding": {
         "type": "object",
         "required": [
          "roleRef"
         ],
         "properties": {
          "apiVersion": {
           "type": "string"
          },
          "kind": {
           "type": "string"
          },
          "metadata": {
           "type": "object",
           "properties": {
            "name": {
             "type": "string"
            },
            "annotations": {
             "type": "object",
             "additionalProperties": {
              "type": "string"
             }
            },
            "finalizers": {
             "type": "array",
             "items": {
              "type": "string"
             }
            },
            "labels": {
             "type": "object",
             "additionalProperties": {
              "type": "string"
             }
            },
            "namespace": {
             "type": "string"
            }
           }
          },
          "roleRef": {
           "type": "object",
           "required": [
            "apiGroup",
            "kind",
            "name"
           ],
           "properties": {
            "name": {
             "type": "string"
            },
            "apiGroup": {
             "type": "string"
            },
            "kind": {
             "type": "string"
            }
           }
          },
          "subjects": {
           "type": "array",
           "items": {
            "type": "object",
            "required": [
             "kind",
             "name"
            ],
            "properties": {
             "name": {
              "type": "string"
             },
             "apiGroup": {
              "type": "string"
             },
             "kind": {
              "type": "string"
             },
             "namespace": {
              "type": "string"
             }
            }
           }
          }
         }
        },
        "rules": {
         "type": "array",
         "items": {
          "type": "object",
          "required": [
           "verbs"
          ],
          "properties": {
           "apiGroups": {
            "type": "array",
            "items": {
             "type": "string"
            }
           },
           "nonResourceURLs": {
            "type": "array",
            "items": {
             "type": "string"
            }
           },
           "resourceNames": {
            "type": "array",
            "items": {
             "type": "string"
            }
           },
           "resources": {
            "type": "array",
            "items": {
             "type": "string"
            }
           },
           "verbs": {
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
     },
     "accessRoleBinding": {
      "type": "array",
      "items": {
       "type": "object",
       "properties": {
        "roleBinding": {
         "type": "object",
         "required": [
          "roleRef"
         ],
         "properties": {
          "apiVersion": {
           "type": "string"
          },
          "kind": {
           "type": "string"
          },
          "metadata": {
           "type": "object",
           "properties": {
            "name": {
             "type": "string"
            },
            "annotations": {
             "type": "object",
             "additionalProperties": {
              "type": "string"
             }
            },
            "finalizers": {
             "type": "array",
             "items": {
              "type": "string"
             }
            },
            "labels": {
             "type": "object",
             "additionalProperties": {
              "type": "string"
             }
            },
            "namespace": {
             "type": "string"
            }
           }
          },
          "roleRef": {
           "type": "object",
           "required": [
            "apiGroup",
            "kind",
            "name"
           ],
           "properties": {
            "name": {
             "type": "string"
            },
            "apiGroup": {
             "type": "string"
            },
            "kind": {
             "type": "string"
            }
           }
          },
          "subjects": {
           "type": "array",
           "items": {
            "type": "object",
            "required": [
             "kind",
             "name"
            ],
            "properties": {
             "name": {
              "type": "string"
             },
             "apiGroup": {
              "type": "string"
             },
             "kind": {
              "type": "string"
             },
             "namespace": {
              "type": "string"
             }
            }
           }
          }
         }
        },
        "rules": {
         "type": "array",
         "items": {
          "type": "object",
          "required": [
           "verbs"
          ],
          "properties": {
           "apiGroups": {
            "type": "array",
            "items": {
             "type": "string"
            }
           },
           "nonResourceURLs": {
            "type": "array",
            "items": {
             "type": "string"
            }
           },
           "resourceNames": {
            "type": "array",
            "items": {
             "type": "string"
            }
           },
           "resources": {
            "type": "array",
            "items": {
             "type": "string"
            }
           },
           "verbs": {
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
     },
     "serviceAccount": {
      "type": "object",
      "properties": {
       "apiVersion": {
        "type": "string"
       },
       "automountServiceAccountToken": {
        "type": "boolean"
       },
       "imagePullSecrets": {
        "type": "array",
        "items": {
         "type": "object",
         "properties": {
          "name": {
           "type": "string",
           "default": ""
          }
         }
        }
       },
       "kind": {
        "type": "string"
       },
       "metadata": {
        "type": "object",
        "properties": {
         "name": {
          "type": "string"
         },
         "annotations": {
          "type": "object",
          "additionalProperties": {
           "type": "string"
          }
         },
         "finalizers": {
          "type": "array",
          "items": {
           "type": "string"
          }
         },
         "labels": {
          "type": "object",
          "additionalProperties": {
           "type": "string"
          }
         },
         "namespace": {
          "type": "string"
         }
        }
       },
       "secrets": {
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
          "apiVersion": {
           "type": "string"
          },
          "fieldPath": {
           "type": "string"
          },
          "kind": {
           "type": "string"
          },
          "namespace": {
           "type": "string"
          },
          "resourceVersion": {
           "type": "string"
          },
          "uid": {
           "type": "string"
          }
         }
        }
       }
      }
     },
     "serviceAccountUid": {
      "type": "string"
     }
    }
   },
   "status": {
    "type": "object",
    "properties": {
     "nodeList": {
      "type": "array",
      "items": {
       "type": "string"
      }
     },
     "summary": {
      "type": "object",
      "properties": {
       "nodes": {
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
