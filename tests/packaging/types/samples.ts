// Written by crates/wasm/tests/catalogue.rs from the Rust tables. Do not edit.
import type * as csms from "csms";

type Full<T> = T extends object ? { [K in keyof T]-?: Full<Exclude<T[K], undefined>> } : T;

export const sampleSecretResponse: csms.SecretResponse = {
  "secret": {
    "id": "",
    "name": "",
    "state": "ENABLED",
    "kms_key_id": "",
    "description": "",
    "create_time": 0,
    "update_time": 0,
    "secret_type": "COMMON",
    "auto_rotation": false,
    "event_subscriptions": [
      "event"
    ],
    "enterprise_project_id": "",
    "domain_id": "",
    "replica_type": "STANDALONE"
  }
};

export const sampleListSecretsResponse: csms.ListSecretsResponse = {
  "secrets": [
    {
      "id": "",
      "name": "",
      "state": "ENABLED",
      "kms_key_id": "",
      "description": "",
      "create_time": 0,
      "update_time": 0,
      "secret_type": "COMMON",
      "auto_rotation": false,
      "event_subscriptions": [
        "event"
      ],
      "enterprise_project_id": "",
      "domain_id": "",
      "replica_type": "STANDALONE"
    }
  ],
  "page_info": {
    "current_count": 1
  }
};

export const sampleVersionMetadataResponse: csms.VersionMetadataResponse = {
  "version_metadata": {
    "id": "",
    "create_time": 0,
    "kms_key_id": "",
    "secret_name": "",
    "version_stages": [
      "SYSCURRENT"
    ]
  }
};

export const sampleListVersionsResponse: csms.ListVersionsResponse = {
  "version_metadatas": [
    {
      "id": "",
      "create_time": 0,
      "kms_key_id": "",
      "secret_name": "",
      "version_stages": [
        "SYSCURRENT"
      ]
    }
  ],
  "page_info": {
    "current_count": 1
  }
};

export const sampleShowVersionResponse: csms.ShowVersionResponse = {
  "version": {
    "version_metadata": {
      "id": "",
      "create_time": 0,
      "kms_key_id": "",
      "secret_name": "",
      "version_stages": [
        "SYSCURRENT"
      ]
    }
  }
};

export const sampleStageResponse: csms.StageResponse = {
  "stage": {
    "name": "blue",
    "update_time": 1,
    "secret_name": "demo",
    "version_id": "v1"
  }
};

export const sampleRotateResponse: csms.RotateResponse = {
  "rotation_task_id": "id",
  "secret_name": "demo",
  "version_id": "v1"
};

export const sampleListTasksResponse: csms.ListTasksResponse = {
  "tasks": [
    {
      "task_id": "",
      "secret_name": "",
      "rotation_func_urn": "",
      "task_status": "SUCCESS",
      "operate_type": "SINGLE_USER",
      "task_time": 0,
      "attempt_nums": 0
    }
  ],
  "total": 1
};

export const sampleSecretResponseFull: Full<csms.SecretResponse> = {
  "secret": {
    "id": "",
    "name": "",
    "state": "ENABLED",
    "kms_key_id": "",
    "description": "",
    "create_time": 0,
    "update_time": 0,
    "scheduled_delete_time": 1,
    "secret_type": "COMMON",
    "auto_rotation": false,
    "rotation_period": "30d",
    "rotation_config": "{}",
    "rotation_time": 1,
    "next_rotation_time": 1,
    "event_subscriptions": [
      "event"
    ],
    "enterprise_project_id": "",
    "rotation_func_urn": "urn",
    "last_used_time": 1,
    "domain_id": "",
    "replica_type": "PRIMARY",
    "replicas": [
      {
        "id": "",
        "kms_key_id": "",
        "project_id": "",
        "region": "",
        "replica_type": "REPLICA",
        "status": "",
        "created_at": 0,
        "updated_at": 0
      }
    ]
  }
};

export const sampleListSecretsResponseFull: Full<csms.ListSecretsResponse> = {
  "secrets": [
    {
      "id": "",
      "name": "",
      "state": "ENABLED",
      "kms_key_id": "",
      "description": "",
      "create_time": 0,
      "update_time": 0,
      "scheduled_delete_time": 1,
      "secret_type": "COMMON",
      "auto_rotation": false,
      "rotation_period": "30d",
      "rotation_config": "{}",
      "rotation_time": 1,
      "next_rotation_time": 1,
      "event_subscriptions": [
        "event"
      ],
      "enterprise_project_id": "",
      "rotation_func_urn": "urn",
      "last_used_time": 1,
      "domain_id": "",
      "replica_type": "PRIMARY",
      "replicas": [
        {
          "id": "",
          "kms_key_id": "",
          "project_id": "",
          "region": "",
          "replica_type": "REPLICA",
          "status": "",
          "created_at": 0,
          "updated_at": 0
        }
      ]
    }
  ],
  "page_info": {
    "next_marker": "marker",
    "previous_marker": "marker",
    "current_count": 1
  }
};

export const sampleVersionMetadataResponseFull: Full<csms.VersionMetadataResponse> = {
  "version_metadata": {
    "id": "",
    "create_time": 0,
    "expire_time": 1,
    "kms_key_id": "",
    "secret_name": "",
    "version_stages": [
      "SYSCURRENT"
    ]
  }
};

export const sampleListVersionsResponseFull: Full<csms.ListVersionsResponse> = {
  "version_metadatas": [
    {
      "id": "",
      "create_time": 0,
      "expire_time": 1,
      "kms_key_id": "",
      "secret_name": "",
      "version_stages": [
        "SYSCURRENT"
      ]
    }
  ],
  "page_info": {
    "next_marker": "marker",
    "previous_marker": "marker",
    "current_count": 1
  }
};

export const sampleShowVersionResponseFull: Full<csms.ShowVersionResponse> = {
  "version": {
    "version_metadata": {
      "id": "",
      "create_time": 0,
      "expire_time": 1,
      "kms_key_id": "",
      "secret_name": "",
      "version_stages": [
        "SYSCURRENT"
      ]
    },
    "secret_string": "value",
    "secret_binary": "value"
  }
};

export const sampleStageResponseFull: Full<csms.StageResponse> = {
  "stage": {
    "name": "blue",
    "update_time": 1,
    "secret_name": "demo",
    "version_id": "v1"
  }
};

export const sampleRotateResponseFull: Full<csms.RotateResponse> = {
  "rotation_task_id": "id",
  "secret_name": "demo",
  "version_id": "v1"
};

export const sampleListTasksResponseFull: Full<csms.ListTasksResponse> = {
  "tasks": [
    {
      "task_id": "",
      "secret_name": "",
      "rotation_func_urn": "",
      "task_status": "SUCCESS",
      "operate_type": "SINGLE_USER",
      "task_time": 0,
      "attempt_nums": 0,
      "task_error_code": "CSMS.0511",
      "task_error_msg": "why",
      "task_error_detail": {
        "code": "connection.said",
        "fields": {
          "text": "why"
        }
      },
      "steps": [
        {
          "time": 0,
          "attempt": 0,
          "step": "",
          "outcome": "",
          "outcome_detail": {
            "code": "connection.said",
            "fields": {
              "text": "why"
            }
          }
        }
      ]
    }
  ],
  "total": 1,
  "next_marker": "marker"
};
