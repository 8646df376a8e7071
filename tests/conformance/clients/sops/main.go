// Command csms-sops makes a key, and seals and opens a data key with it by the Huawei Cloud KMS source of sops.
//
// The server and the keys are in the variables that sops and the official SDK read; CSMS_REGION names the region.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"

	"github.com/getsops/sops/v3/hckms"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/provider"
	kms "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2/model"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2/region"
)

func fail(reason any) {
	fmt.Fprintln(os.Stderr, reason)
	os.Exit(1)
}

func must[T any](value T, err error) T {
	if err != nil {
		fail(err)
	}
	return value
}

// made is the identifier of a new key.
func made(of string) string {
	credentials := must(provider.BasicCredentialEnvProvider().GetCredentials())
	builder := kms.KmsClientBuilder().WithRegion(must(region.SafeValueOf(of))).WithCredential(credentials)
	client := kms.NewKmsClient(must(builder.SafeBuild()))
	response := must(client.CreateKey(&model.CreateKeyRequest{Body: &model.CreateKeyRequestBody{KeyAlias: "sops"}}))
	var read struct {
		KeyInfo struct {
			KeyID string `json:"key_id"`
		} `json:"key_info"`
	}
	if err := json.Unmarshal(must(json.Marshal(response)), &read); err != nil {
		fail(err)
	}
	return read.KeyInfo.KeyID
}

func main() {
	of := os.Getenv("CSMS_REGION")
	key := must(hckms.NewMasterKey(of + ":" + made(of)))
	data := make([]byte, 32)
	must(rand.Read(data))
	if err := key.Encrypt(data); err != nil {
		fail(err)
	}
	if bytes.Contains(key.EncryptedDataKey(), data) {
		fail("the data key is not sealed")
	}
	if opened := must(key.Decrypt()); !bytes.Equal(opened, data) {
		fail("another data key is opened than was sealed")
	}
}
