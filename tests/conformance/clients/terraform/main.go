// Command csmsconformance runs the resources and data sources of the Terraform provider for secrets and keys against a running server.
//
// It is compiled inside a checkout of the provider (github.com/huaweicloud/terraform-provider-huaweicloud), whose packages it imports,
// and prints what became of each resource. CSMS_CREDENTIALS is the path of the server's credentials.json, CSMS_AUTHENTICATION says
// how the provider signs in ("signature" or "password"), CSMS_ROTATED is the value of a secret with an account that can be rotated,
// CSMS_VERSION names the checkout, and CSMS_RECORD is the file for the requests that the provider sent.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"

	"github.com/chnsz/golangsdk"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"

	"github.com/huaweicloud/terraform-provider-huaweicloud/huaweicloud/config"
	"github.com/huaweicloud/terraform-provider-huaweicloud/huaweicloud/services/dew"
)

// server is what credentials.json holds.
type server struct {
	Endpoint   string `json:"endpoint"`
	Region     string `json:"region"`
	ProjectID  string `json:"project_id"`
	DomainName string `json:"domain_name"`
	UserName   string `json:"user_name"`
	Password   string `json:"password"`
	AccessKey  string `json:"access_key"`
	SecretKey  string `json:"secret_key"`
	Function   string `json:"rotation_func_urn"`
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

// provider holds the provider's resources and data sources for secrets and keys, under the names that they have there.
func provider() *schema.Provider {
	return &schema.Provider{
		ResourcesMap: map[string]*schema.Resource{
			"huaweicloud_csms_agency":                       dew.ResourceAgency(),
			"huaweicloud_csms_download_secret_backup":       dew.ResourceDownloadSecretBackup(),
			"huaweicloud_csms_event":                        dew.ResourceCsmsEvent(),
			"huaweicloud_csms_restore_secret":               dew.ResourceRestoreSecret(),
			"huaweicloud_csms_scheduled_delete_secret_task": dew.ResourceCsmsScheduledDeleteSecretTask(),
			"huaweicloud_csms_secret":                       dew.ResourceSecret(),
			"huaweicloud_csms_secret_rotate":                dew.ResourceSecretRotate(),
			"huaweicloud_csms_secret_version_state":         dew.ResourceSecretVersionState(),
			"huaweicloud_kms_alias":                         dew.ResourceKmsAlias(),
			"huaweicloud_kms_alias_associate":               dew.ResourceKmsAliasAssociate(),
			"huaweicloud_kms_cancel_key_deletion":           dew.ResourceKmsCancelKeyDeletion(),
			"huaweicloud_kms_data_encrypt_decrypt":          dew.ResourceKmsDataEncryptDecrypt(),
			"huaweicloud_kms_datakey_without_plaintext":     dew.ResourceKmsDatakeyWithoutPlaintext(),
			"huaweicloud_kms_decrypt_datakey":               dew.ResourceKmsDecryptDatakey(),
			"huaweicloud_kms_dedicated_keystore":            dew.ResourceKmsDedicatedKeystore(),
			"huaweicloud_kms_ec_datakey_pair":               dew.ResourceEcDatakeyPair(),
			"huaweicloud_kms_encrypt_datakey":               dew.ResourceKmsEncryptDatakey(),
			"huaweicloud_kms_generate_mac":                  dew.ResourceGenerateMac(),
			"huaweicloud_kms_grant":                         dew.ResourceKmsGrant(),
			"huaweicloud_kms_key":                           dew.ResourceKmsKey(),
			"huaweicloud_kms_key_material":                  dew.ResourceKmsKeyMaterial(),
			"huaweicloud_kms_key_replicate":                 dew.ResourceKmsKeyReplicate(),
			"huaweicloud_kms_key_update_primary_region":     dew.ResourceKeyUpdatePrimaryRegion(),
			"huaweicloud_kms_retire_grant":                  dew.ResourceRetireGrant(),
			"huaweicloud_kms_rsa_datakey_pair":              dew.ResourceRsaDatakeyPair(),
			"huaweicloud_kms_sign":                          dew.ResourceKmsSign(),
			"huaweicloud_kms_verify_mac":                    dew.ResourceVerifyMac(),
			"huaweicloud_kms_verify_sign":                   dew.ResourceKmsVerifySign(),
		},
		DataSourcesMap: map[string]*schema.Resource{
			"huaweicloud_csms_agencies":             dew.DataSourceAgencies(),
			"huaweicloud_csms_events":               dew.DataSourceDewCsmsEvents(),
			"huaweicloud_csms_function_templates":   dew.DataSourceCsmsFunctionTemplates(),
			"huaweicloud_csms_notification_records": dew.DataSourceNotificationRecords(),
			"huaweicloud_csms_secret_tags":          dew.DataSourceCsmsSecretTags(),
			"huaweicloud_csms_secret_version":       dew.DataSourceDewCsmsSecret(),
			"huaweicloud_csms_secret_versions":      dew.DataSourceDewCsmsSecretVersions(),
			"huaweicloud_csms_secrets":              dew.DataSourceDewCsmsSecrets(),
			"huaweicloud_csms_secrets_by_tags":      dew.DataSourceCSMSSecretsByTags(),
			"huaweicloud_csms_tasks":                dew.DataSourceCsmsTasks(),
			"huaweicloud_kms_aliases":               dew.DataSourceKmsAliases(),
			"huaweicloud_kms_custom_keys_by_tags":   dew.DataSourceKmsCustomKeysByTags(),
			"huaweicloud_kms_data_key":              dew.DataSourceKmsDataKeyV1(),
			"huaweicloud_kms_dedicated_keystores":   dew.DataSourceDedicatedKeystores(),
			"huaweicloud_kms_grants":                dew.DataSourceKmsGrants(),
			"huaweicloud_kms_key":                   dew.DataSourceKmsKey(),
			"huaweicloud_kms_key_regions":           dew.DataSourceKMSKeyRegions(),
			"huaweicloud_kms_key_tags":              dew.DataSourceKmsKeyTags(),
			"huaweicloud_kms_keys":                  dew.DataSourceKmsKeys(),
			"huaweicloud_kms_parameters_for_import": dew.DataSourceKmsParametersForImport(),
			"huaweicloud_kms_public_key":            dew.DataSourceKmsPublicKey(),
			"huaweicloud_kms_quotas":                dew.DataSourceKMSQuotas(),
			"huaweicloud_kms_retirable_grants":      dew.DataSourceRetirableGrantsGrants(),
		},
	}
}

// configured does what the provider does with its block in the configuration: region, auth_url, keys or password, endpoints,
// default_tags.
func configured(server server, endpoint, authentication string) (*config.Config, error) {
	settings := &config.Config{
		Region:             server.Region,
		TenantName:         server.Region,
		DomainName:         server.DomainName,
		IdentityEndpoint:   endpoint + "/v3",
		Cloud:              "myhuaweicloud.com",
		RegionProjectIDMap: map[string]string{},
		RPLock:             new(sync.Mutex),
		SecurityKeyLock:    new(sync.Mutex),
		DefaultTags:        map[string]any{"owner": "terraform"},
		Endpoints:          map[string]string{},
	}
	if authentication == "password" {
		settings.Username, settings.Password = server.UserName, server.Password
	} else {
		settings.AccessKey, settings.SecretKey = server.AccessKey, server.SecretKey
	}
	for _, service := range []string{"iam", "kms", "eps"} {
		settings.Endpoints[service] = endpoint + "/"
		for _, derived := range config.GetServiceDerivedCatalogKeys(service) {
			settings.Endpoints[derived] = endpoint + "/"
		}
	}
	return settings, settings.LoadAndValidate()
}

// run holds what all steps need, and what became of each resource and data source.
type run struct {
	*terraform
	recorder *recorder
	settings *config.Config
	server   server
	outcomes map[string]map[string]string
}

// step runs what one resource or data source has to do. Its outcome is kept; a failure of an earlier step of it stays.
func (r *run) step(kind, name string, work func() error) {
	r.recorder.by(strings.TrimPrefix(kind+" ", "resource ") + strings.TrimPrefix(name, "huaweicloud_"))
	outcome := "works"
	if err := work(); err != nil {
		outcome = "fails: " + strings.Join(strings.Fields(err.Error()), " ")
		fmt.Fprintln(os.Stderr, kind, name, outcome)
	}
	if before := r.outcomes[kind][name]; !strings.HasPrefix(before, "fails") {
		r.outcomes[kind][name] = outcome
	}
}

func (r *run) resource(name string, work func() error) { r.step("resource", "huaweicloud_"+name, work) }

// source reads a data source and compares members of what it found, by path.
func (r *run) source(name string, written map[string]any, expected map[string]any) {
	r.step("data", "huaweicloud_"+name, func() error {
		found, err := r.read("huaweicloud_"+name, written)
		if err != nil {
			return err
		}
		return has(found, expected)
	})
}

// created applies a resource of a single step, such as an action, and compares what the provider read.
func (r *run) created(name string, written, expected map[string]any) state {
	var made state
	r.resource(name, func() error {
		var err error
		if made, err = r.create("huaweicloud_"+name, written); err != nil {
			return err
		}
		return has(members(made.value), expected)
	})
	return made
}

// changed applies another configuration and compares what the provider read.
func (r *run) changed(kept *state, written, expected map[string]any) {
	r.resource(strings.TrimPrefix(kept.resource, "huaweicloud_"), func() error {
		next, err := r.apply(*kept, written)
		*kept = next
		if err != nil {
			return err
		}
		return has(members(next.value), expected)
	})
}

func (r *run) importable(kept state, id string, except ...string) {
	r.resource(strings.TrimPrefix(kept.resource, "huaweicloud_"), func() error {
		found, err := r.imported(kept.resource, id)
		if err != nil {
			return err
		}
		return same(kept, found, except...)
	})
}

// destroyed removes a resource, whose next refresh must find nothing where `gone` is set.
func (r *run) destroyed(kept state, gone bool) {
	r.resource(strings.TrimPrefix(kept.resource, "huaweicloud_"), func() error {
		if err := r.destroy(kept); err != nil || !gone {
			return err
		}
		after, err := r.refresh(kept)
		if err == nil && !after.value.IsNull() {
			err = refused{"the resource is still there"}
		}
		return err
	})
}

// notServed applies what the server does not have: the provider must be told that the operation does not exist.
func (r *run) notServed(kind, name string, written map[string]any) {
	r.step(kind, "huaweicloud_"+name, func() error {
		var err error
		if kind == "data" {
			_, err = r.read("huaweicloud_"+name, written)
		} else {
			_, err = r.create("huaweicloud_"+name, written)
		}
		if err == nil || !strings.Contains(err.Error(), "APIGW.0101") {
			return fmt.Errorf("not refused as an unknown operation: %v", err)
		}
		return nil
	})
	if r.outcomes[kind]["huaweicloud_"+name] == "works" {
		r.outcomes[kind]["huaweicloud_"+name] = "not served"
	}
}

// has compares members by path, such as `tags.team` or `secrets.0.name`.
func has(found, expected map[string]any) error {
	for path, wanted := range expected {
		var at any = found
		for _, part := range strings.Split(path, ".") {
			switch value := at.(type) {
			case map[string]any:
				at = value[part]
			case []any:
				var index int
				if _, err := fmt.Sscan(part, &index); err != nil || index >= len(value) {
					at = nil
				} else {
					at = value[index]
				}
			default:
				at = nil
			}
		}
		if wanted == anything {
			if at == nil || at == "" {
				return fmt.Errorf("%s is missing", path)
			}
		} else if fmt.Sprint(at) != fmt.Sprint(wanted) {
			return fmt.Errorf("%s is %v instead of %v", path, at, wanted)
		}
	}
	return nil
}

// anything stands for a value that is not known beforehand.
const anything = "\x00anything"

// prepare sends a request that is not the provider's own.
func (r *run) prepare(method, path string, body map[string]any) map[string]any {
	r.recorder.by("preparation")
	client := must(r.settings.NewServiceClient("kms", r.server.Region))
	response := must(client.Request(method, client.Endpoint+path, &golangsdk.RequestOpts{KeepResponseBody: true, JSONBody: body}))
	var read map[string]any
	if err := json.NewDecoder(response.Body).Decode(&read); err != nil {
		must(read, err)
	}
	return read
}

func main() {
	// The provider logs requests with their bodies; what fails is reported below.
	log.SetOutput(io.Discard)
	var known server
	if err := json.Unmarshal(must(os.ReadFile(os.Getenv("CSMS_CREDENTIALS"))), &known); err != nil {
		must(known, err)
	}
	recorder := record(known.Endpoint)
	recorder.by("provider")
	settings := must(configured(known, recorder.endpoint, os.Getenv("CSMS_AUTHENTICATION")))
	served := provider()
	served.SetMeta(settings)
	started := &terraform{served, schema.NewGRPCProviderServer(served)}
	r := &run{started, recorder, settings, known, map[string]map[string]string{"resource": {}, "data": {}}}
	r.keys()
	r.secrets()
	r.rotations()
	r.unserved()
	for kind, all := range map[string]map[string]*schema.Resource{"resource": served.ResourcesMap, "data": served.DataSourcesMap} {
		for name := range all {
			if _, tried := r.outcomes[kind][name]; !tried {
				r.outcomes[kind][name] = "not tried"
			}
		}
	}
	if path := os.Getenv("CSMS_RECORD"); path != "" {
		must(0, recorder.write(path))
	}
	report := map[string]any{"client": "Terraform provider", "version": os.Getenv("CSMS_VERSION"), "operations": r.outcomes}
	fmt.Println(string(must(json.Marshal(report))))
}
