// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run `npx node hack/generate/index.ts`.
export const schemas: Readonly<Record<string, object>> = {
 "NodeTaskReport": {
  "type": "object",
  "required": [
   "report"
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
   "report": {
    "type": "object",
    "required": [
     "jobKind",
     "jobName",
     "jobUid",
     "nodeName",
     "attempt"
    ],
    "properties": {
     "jobKind": {
      "type": "string",
      "enum": [
       "NodeUpgradeJob",
       "ImagePrePullJob",
       "ConfigUpdateJob"
      ]
     },
     "jobName": {
      "type": "string",
      "maxLength": 253
     },
     "jobUid": {
      "type": "string",
      "maxLength": 64
     },
     "nodeName": {
      "type": "string",
      "maxLength": 253
     },
     "attempt": {
      "type": "integer",
      "minimum": 0
     },
     "actions": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "action",
        "status"
       ],
       "properties": {
        "action": {
         "type": "string",
         "maxLength": 64
        },
        "status": {
         "type": "string",
         "enum": [
          "True",
          "False"
         ]
        },
        "reason": {
         "type": "string",
         "maxLength": 2048
        },
        "time": {
         "type": "string",
         "maxLength": 64
        }
       }
      }
     },
     "images": {
      "type": "array",
      "items": {
       "type": "object",
       "properties": {
        "image": {
         "type": "string",
         "maxLength": 512
        },
        "status": {
         "type": "string",
         "maxLength": 16
        },
        "reason": {
         "type": "string",
         "maxLength": 1024
        }
       }
      }
     },
     "progress": {
      "type": "string",
      "maxLength": 256
     },
     "log": {
      "type": "string",
      "maxLength": 4096
     },
     "fromVersion": {
      "type": "string",
      "maxLength": 128
     },
     "toVersion": {
      "type": "string",
      "maxLength": 128
     },
     "event": {
      "type": "string",
      "maxLength": 64
     },
     "action": {
      "type": "string",
      "maxLength": 64
     },
     "state": {
      "type": "string",
      "maxLength": 64
     }
    }
   }
  }
 }
};
