// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run `npx node hack/generate/index.ts`.
export const schemas: Readonly<Record<string, object>> = {
 "RuleEndpoint": {
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
     "ruleEndpointType"
    ],
    "properties": {
     "properties": {
      "type": "object",
      "additionalProperties": {
       "type": "string"
      }
     },
     "ruleEndpointType": {
      "type": "string",
      "enum": [
       "rest",
       "eventbus",
       "servicebus"
      ]
     }
    }
   }
  }
 },
 "Rule": {
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
     "source",
     "sourceResource",
     "target",
     "targetResource"
    ],
    "properties": {
     "source": {
      "type": "string"
     },
     "sourceResource": {
      "type": "object",
      "additionalProperties": {
       "type": "string"
      }
     },
     "target": {
      "type": "string"
     },
     "targetResource": {
      "type": "object",
      "additionalProperties": {
       "type": "string"
      }
     }
    }
   },
   "status": {
    "type": "object",
    "properties": {
     "errors": {
      "type": "array",
      "items": {
       "type": "string"
      }
     },
     "failMessages": {
      "type": "integer"
     },
     "successMessages": {
      "type": "integer"
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
     }
    }
   }
  }
 }
};
