// Command csms-seal does what the seal `huaweicloudkms` of Vault and OpenBao does, with the library and the version that it uses:
// it logs in by signature, finds the keys in the catalog, describes a key, and seals and opens with it.
//
// CSMS_URL, CSMS_REGION, CSMS_ACCESS_KEY and CSMS_SECRET_KEY name server and keys, CSMS_KEYS the keys, separated by commas.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/huaweicloud/golangsdk"
	"github.com/huaweicloud/golangsdk/openstack"
	"github.com/huaweicloud/golangsdk/openstack/kms/v1/keys"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

// ask sends a request as the seal does, and reads one member of the answer.
func ask(client *golangsdk.ServiceClient, operation string, body map[string]any, member string) string {
	var result golangsdk.Result
	options := golangsdk.RequestOpts{OkCodes: []int{200}, MoreHeaders: map[string]string{"Content-Type": "application/json"}}
	_, result.Err = client.Post(client.ServiceURL(client.ProjectID, "kms", operation), &body, &result.Body, &options)
	answer := map[string]any{}
	must(0, result.ExtractInto(&answer))
	text, _ := answer[member].(string)
	return text
}

func main() {
	region := os.Getenv("CSMS_REGION")
	options := golangsdk.AKSKAuthOptions{
		Region:           region,
		ProjectName:      region,
		AccessKey:        os.Getenv("CSMS_ACCESS_KEY"),
		SecretKey:        os.Getenv("CSMS_SECRET_KEY"),
		IdentityEndpoint: os.Getenv("CSMS_URL") + "/v3",
	}
	provider := must(openstack.NewClient(options.IdentityEndpoint))
	must(0, openstack.Authenticate(provider, options))
	client := must(openstack.NewKMSV1(provider, golangsdk.EndpointOpts{Region: region, Availability: golangsdk.AvailabilityPublic}))
	for _, key := range strings.Split(os.Getenv("CSMS_KEYS"), ",") {
		must(keys.Get(client, key).ExtractKeyInfo())
		sealed := ask(client, "encrypt-data", map[string]any{"key_id": key, "plain_text": "bm90IGEga2V5"}, "cipher_text")
		if opened := ask(client, "decrypt-data", map[string]any{"cipher_text": sealed}, "plain_text"); opened != "bm90IGEga2V5" {
			fmt.Fprintln(os.Stderr, "something else is opened than was sealed with", key)
			os.Exit(1)
		}
	}
}
