package main

// What the resources and data sources have to do: apply, change each member that can change, import, destroy.

import (
	"encoding/json"
	"os"
)

// with is a configuration with some members replaced; nil removes one.
func with(written map[string]any, changes map[string]any) map[string]any {
	changed := map[string]any{}
	for name, value := range written {
		changed[name] = value
	}
	for name, value := range changes {
		if value == nil {
			delete(changed, name)
		} else {
			changed[name] = value
		}
	}
	return changed
}

type values = map[string]any

// keys applies keys with tags and rotation, aliases, grants, data keys.
func (r *run) keys() {
	written := values{
		"key_alias": "tf-key", "key_description": "first", "key_algorithm": "AES_256", "origin": "kms", "pending_days": "7",
		"rotation_enabled": true, "rotation_interval": 90, "tags": values{"team": "a", "stage": ""},
	}
	key := r.created("kms_key", written, values{
		"key_state": "2", "is_enabled": true, "tags.team": "a", "tags.stage": "", "tags.owner": "terraform", "rotation_interval": 90,
		"key_description": "first", "default_key_flag": "0", "key_usage": "ENCRYPT_DECRYPT", "creation_date": anything,
	})
	for _, change := range []struct{ written, expected values }{
		{values{"key_alias": "tf-key-2"}, values{"key_alias": "tf-key-2"}},
		{values{"key_description": "second"}, values{"key_description": "second"}},
		{values{"tags": values{"team": "b"}}, values{"tags.team": "b", "tags.stage": "<nil>"}},
		{values{"rotation_interval": 30}, values{"rotation_interval": 30}},
		{values{"rotation_enabled": false, "rotation_interval": 0}, values{"rotation_enabled": false, "rotation_interval": 0}},
		{values{"rotation_enabled": true, "rotation_interval": 365}, values{"rotation_enabled": true, "rotation_interval": 365}},
		{values{"is_enabled": false}, values{"key_state": "3", "is_enabled": false}},
		{values{"is_enabled": true}, values{"key_state": "2"}},
		{values{"enterprise_project_id": "d3a1f0de-9d5c-4a2e-a4f8-9f3a6fba7b01"}, values{"enterprise_project_id": "d3a1f0de-9d5c-4a2e-a4f8-9f3a6fba7b01"}},
	} {
		written = with(written, change.written)
		r.changed(&key, written, change.expected)
	}
	id := key.text("key_id")
	r.importable(key, id, "pending_days")
	disabled := r.created("kms_key", values{"key_alias": "tf-disabled", "is_enabled": false}, values{"key_state": "3", "tags.owner": "terraform"})
	r.changed(&disabled, values{"key_alias": "tf-other", "is_enabled": false}, values{"key_alias": "tf-other", "rotation_enabled": false})

	alias := r.created("kms_alias", values{"key_id": id, "alias": "alias/tf"}, values{"alias_urn": anything, "create_time": anything})
	r.importable(alias, id+"?alias/tf")
	associated := r.created("kms_alias_associate", values{"target_key_id": disabled.text("key_id"), "alias": "alias/tf"}, values{"alias_urn": anything})
	r.created("kms_alias_associate", values{"target_key_id": id, "alias": "alias/tf"}, values{"alias_urn": anything})
	r.source("kms_aliases", values{}, values{"aliases.0.alias": "alias/tf", "aliases.0.key_id": id})
	r.source("kms_aliases", values{"key_id": id}, values{"aliases.0.alias": "alias/tf"})
	r.importable(alias, id+"?alias/tf", "update_time", "create_time")
	_ = associated

	user := r.prepare("POST", "v5/users", values{"name": "tf-grantee", "enabled": true})
	grantee, _ := user["user"].(map[string]any)["user_id"].(string)
	granted := values{"key_id": id, "grantee_principal": grantee, "operations": []string{"describe-key", "encrypt-datakey"}, "name": "tf"}
	grant := r.created("kms_grant", granted, values{"type": "user", "creator": anything})
	r.importable(grant, id+"/"+grant.text("id"))
	unnamed := r.created("kms_grant", with(granted, values{"name": nil, "retiring_principal": grantee}), values{"retiring_principal": grantee})
	r.source("kms_grants", values{"key_id": id}, values{"grants.0.key_id": id, "grants.0.created_at": anything})
	r.source("kms_retirable_grants", values{}, values{})
	r.created("kms_retire_grant", values{"key_id": id, "grant_id": unnamed.text("id")}, values{})

	r.source("kms_key", values{"key_id": id}, values{"key_alias": "tf-key-2", "tags.team": "b", "rotation_enabled": true, "rotation_interval": 365})
	r.source("kms_key", values{"key_alias": "tf-key-2", "key_state": "2"}, values{"key_id": id, "key_description": "second"})
	r.source("kms_keys", values{"key_algorithm": "AES_256", "key_state": "2"}, values{"keys.0.key_algorithm": "AES_256", "keys.0.key_state": "2"})
	r.source("kms_keys", values{"enterprise_project_id": key.text("enterprise_project_id")}, values{"keys.0.id": id, "keys.0.key_rotation_enabled": "true"})
	tags := []values{{"key": "team", "values": []string{"b"}}}
	r.source("kms_custom_keys_by_tags", values{"action": "filter", "tags": tags}, values{"resources.0.resource_id": id, "resources.0.resource_detail.0.key_id": id})
	r.source("kms_custom_keys_by_tags", values{"action": "count", "tags": tags}, values{"total_count": 1})
	r.source("kms_custom_keys_by_tags", values{"action": "filter", "matches": []values{{"key": "resource_name", "value": "tf-key-2"}}},
		values{"resources.0.resource_name": "tf-key-2"})
	r.source("kms_key_tags", values{}, values{"tags.0.key": anything})
	r.source("kms_quotas", values{}, values{"quotas.0.resources.0.type": anything})

	r.source("kms_data_key", values{"key_id": id, "datakey_length": "512"}, values{"plain_text": anything, "cipher_text": anything})
	r.source("kms_data_key", values{"key_id": id, "datakey_length": "512", "encryption_context": "context"}, values{"cipher_text": anything})
	data := r.created("kms_datakey_without_plaintext", values{"key_id": id, "datakey_length": "256"}, values{"cipher_text": anything})
	opened := r.created("kms_decrypt_datakey", values{"key_id": id, "cipher_text": data.text("cipher_text"), "datakey_cipher_length": "32"},
		values{"data_key": anything, "datakey_length": "32", "datakey_dgst": anything})
	r.created("kms_encrypt_datakey", values{"key_id": id, "plain_text": opened.text("data_key") + opened.text("datakey_dgst"),
		"datakey_plain_length": "32"}, values{"cipher_text": anything})
	sealed := r.created("kms_data_encrypt_decrypt", values{"key_id": id, "action": "encrypt", "plain_text": "value"}, values{"cipher_data": anything})
	r.created("kms_data_encrypt_decrypt", values{"action": "decrypt", "cipher_text": sealed.text("cipher_data")}, values{"plain_data": "value"})

	r.destroyed(grant, true)
	r.destroyed(alias, true)
	r.destroyed(disabled, true)
	r.created("kms_cancel_key_deletion", values{"key_id": disabled.text("key_id")}, values{"key_state": "3"})
	r.destroyed(disabled, true)
	r.destroyed(key, true)
}

// secrets applies events, secrets with every member, stages, backups, deletions on a schedule.
func (r *run) secrets() {
	topic := "urn:smn:" + r.server.Region + ":" + r.settings.HwClient.ProjectID + ":tf"
	event := values{"name": "tf-event", "event_types": []string{"SECRET_VERSION_CREATED"}, "status": "ENABLED", "notification_target_type": "SMN",
		"notification_target_id": topic, "notification_target_name": "tf"}
	subscribed := r.created("csms_event", event, values{"event_id": anything})
	event = with(event, values{"event_types": []string{"SECRET_ROTATED", "SECRET_VERSION_EXPIRED"}, "status": "DISABLED", "notification_target_name": "other"})
	r.changed(&subscribed, event, values{"status": "DISABLED", "event_types.1": "SECRET_VERSION_EXPIRED", "notification_target_name": "other"})
	r.importable(subscribed, "tf-event")
	r.changed(&subscribed, with(event, values{"status": "ENABLED"}), values{"status": "ENABLED"})

	key := r.created("kms_key", values{"key_alias": "tf-secrets"}, values{"key_state": "2"})
	written := values{"name": "tf-secret", "secret_text": "one", "description": "first", "secret_type": "COMMON", "expire_time": 4102444800000,
		"kms_key_id": key.text("key_id"), "event_subscriptions": []string{"tf-event"}, "tags": values{"team": "a"}}
	secret := r.created("csms_secret", written, values{"latest_version": "v1", "status": "ENABLED", "version_stages.0": "SYSCURRENT",
		"tags.team": "a", "tags.owner": "terraform", "expire_time": 4102444800000, "event_subscriptions.0": "tf-event"})
	other := "d3a1f0de-9d5c-4a2e-a4f8-9f3a6fba7b01"
	for _, change := range []struct{ written, expected values }{
		{values{"description": nil}, values{"description": ""}},
		{values{"description": "third"}, values{"description": "third"}},
		{values{"secret_text": "two"}, values{"latest_version": "v2"}},
		{values{"expire_time": 4102444900000}, values{"expire_time": 4102444900000}},
		{values{"secret_text": nil, "secret_binary": "Ynl0ZXM="}, values{"latest_version": "v3", "secret_text": ""}},
		{values{"secret_text": "four", "secret_binary": nil, "expire_time": 4102445000000}, values{"latest_version": "v4", "expire_time": 4102445000000}},
		{values{"event_subscriptions": nil}, values{"event_subscriptions": "[]"}},
		{values{"tags": values{"team": "b", "empty": ""}}, values{"tags.team": "b", "tags.empty": ""}},
		{values{"enterprise_project_id": other}, values{"enterprise_project_id": other}},
		{values{"enterprise_project_id": "0"}, values{"enterprise_project_id": "0"}},
	} {
		written = with(written, change.written)
		r.changed(&secret, written, change.expected)
	}
	r.importable(secret, secret.text("id"))
	plain := r.created("csms_secret", values{"name": "tf-binary", "secret_binary": "Ynl0ZXM="}, values{"latest_version": "v1", "secret_type": "COMMON"})
	r.importable(plain, plain.text("id"))

	stage := r.created("csms_secret_version_state", values{"secret_name": "tf-secret", "name": "tfstage", "version_id": "v1"}, values{"updated_at": anything})
	r.changed(&stage, values{"secret_name": "tf-secret", "name": "tfstage", "version_id": "v2"}, values{"version_id": "v2"})
	r.importable(stage, "tf-secret/tfstage", "updated_at")

	r.source("csms_secrets", values{}, values{"secrets.0.name": anything})
	r.source("csms_secrets", values{"name": "tf-secret", "status": "ENABLED", "enterprise_project_id": "0"}, values{"secrets.0.id": secret.text("secret_id"),
		"secrets.0.description": "third"})
	r.source("csms_secrets", values{"event_name": "tf-event"}, values{"secrets": "[]"})
	r.source("csms_secret_version", values{"secret_name": "tf-secret"}, values{"secret_text": "four", "version": "v4"})
	r.source("csms_secret_version", values{"secret_name": "tf-secret", "version": "v1"}, values{"secret_text": "one", "kms_key_id": key.text("key_id")})
	r.source("csms_secret_versions", values{"secret_name": "tf-secret"}, values{"versions.3.secret_name": "tf-secret"})
	r.source("csms_secret_tags", values{}, values{"tags.0.key": anything})
	tags := []values{{"key": "team", "values": []string{"b"}}}
	instances := values{"resource_instances": "resource_instances", "action": "filter", "tags": tags}
	r.source("csms_secrets_by_tags", instances, values{"resources.0.resource_id": secret.text("secret_id"), "resources.0.resource_detail.0.name": "tf-secret"})
	r.source("csms_secrets_by_tags", with(instances, values{"action": "count"}), values{"total_count": 1})
	r.source("csms_secrets_by_tags", with(instances, values{"tags": nil, "matches": []values{{"key": "resource_name", "value": "tf-secret"}}}),
		values{"resources.0.resource_name": "tf-secret"})
	r.source("csms_events", values{}, values{"events.0.name": "tf-event"})
	r.source("csms_events", values{"name": "tf-event", "status": "ENABLED", "event_id": subscribed.text("event_id")}, values{"events.0.name": "tf-event"})
	r.source("csms_notification_records", values{}, values{})
	r.source("csms_tasks", values{"secret_name": "tf-secret"}, values{"tasks": "[]"})
	r.source("csms_function_templates", values{"secret_type": "RDS-FG", "secret_sub_type": "SingleUser", "engine": "mysql"}, values{"function_templates": anything})
	r.source("csms_agencies", values{"secret_type": "RDS-FG"}, values{"agency_granted": anything})
	r.created("csms_agency", values{"secret_type": "RDS-FG"}, values{"agencies.0.agency_name": anything})
	r.source("csms_agencies", values{"secret_type": "RDS-FG"}, values{"agency_granted": "true"})

	backup := r.created("csms_download_secret_backup", values{"secret_name": "tf-secret"}, values{"secret_blob": anything})
	r.created("csms_scheduled_delete_secret_task", values{"secret_name": "tf-secret", "action": "create", "recovery_window_in_days": 7}, values{})
	r.created("csms_scheduled_delete_secret_task", values{"secret_name": "tf-secret", "action": "cancel"}, values{})
	r.destroyed(stage, true)
	r.destroyed(secret, true)
	r.created("csms_restore_secret", values{"secret_blob": backup.text("secret_blob")}, values{"name": "tf-secret", "state": "ENABLED", "description": "third"})
	r.destroyed(plain, true)
	r.destroyed(subscribed, true)
	r.destroyed(key, true)
}

// rotations rotates a secret whose account is in a real database.
func (r *run) rotations() {
	account := os.Getenv("CSMS_ROTATED")
	if account == "" {
		return
	}
	r.recorder.apart = "rotation"
	defer func() { r.recorder.apart = "" }()
	r.prepare("POST", "v1/"+r.settings.HwClient.ProjectID+"/secrets", values{"name": "tf-rotated", "secret_type": "RDS-FG", "secret_string": account,
		"rotation_config": string(must(json.Marshal(values{"InstanceId": "i", "SecretSubType": "SingleUser"}))), "rotation_func_urn": r.server.Function})
	rotated := r.created("csms_secret_rotate", values{"secret_name": "tf-rotated"}, values{"operate_type": "SINGLE_USER", "attempt_nums": 1})
	r.source("csms_tasks", values{"secret_name": "tf-rotated", "status": "SUCCESS"}, values{"tasks.0.task_id": rotated.text("task_id")})
	r.source("csms_tasks", values{"task_id": rotated.text("task_id")}, values{"tasks.0.secret_name": "tf-rotated"})
	r.source("csms_secret_version", values{"secret_name": "tf-rotated"}, values{"version": "v2"})
	r.destroyed(rotated, false)
}

// unserved asks for what this server does not have.
func (r *run) unserved() {
	key := values{"key_id": "0d0466b0-e727-4d9c-b35d-f84bb474a37f"}
	r.notServed("resource", "kms_dedicated_keystore", values{"alias": "tf", "hsm_cluster_id": "c", "hsm_ca_cert": "x"})
	r.notServed("resource", "kms_ec_datakey_pair", with(key, values{"key_spec": "EC_P256", "with_plain_text": true}))
	r.notServed("resource", "kms_rsa_datakey_pair", with(key, values{"key_spec": "RSA_2048"}))
	r.notServed("resource", "kms_generate_mac", with(key, values{"mac_algorithm": "HMAC_SHA_256", "message": "bQ=="}))
	r.notServed("resource", "kms_verify_mac", with(key, values{"mac_algorithm": "HMAC_SHA_256", "message": "bQ==", "mac": "bQ=="}))
	r.notServed("resource", "kms_sign", with(key, values{"signing_algorithm": "RSASSA_PSS_SHA_256", "message": "bQ=="}))
	r.notServed("resource", "kms_verify_sign", with(key, values{"signing_algorithm": "RSASSA_PSS_SHA_256", "message": "bQ==", "signature": "bQ=="}))
	r.notServed("resource", "kms_key_replicate", with(key, values{"replica_region": "r", "key_alias": "tf", "replica_project_id": "p"}))
	r.notServed("resource", "kms_key_update_primary_region", with(key, values{"primary_region": "r"}))
	r.notServed("resource", "kms_key_material", with(key, values{"import_token": "bQ==", "encrypted_key_material": "bQ=="}))
	r.notServed("data", "kms_dedicated_keystores", values{})
	r.notServed("data", "kms_key_regions", values{})
	r.notServed("data", "kms_parameters_for_import", with(key, values{"wrapping_algorithm": "RSAES_OAEP_SHA_256"}))
	r.notServed("data", "kms_public_key", key)
}
