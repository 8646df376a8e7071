// Command csms-dapr reads a secret by the secret store component of Dapr for Huawei Cloud CSMS, and prints what the component has
// read, as JSON: with a version, without one, and all secrets.
//
// The server's addresses are in the variables that the official SDK reads, the settings of the component in those with CSMS_.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/dapr/components-contrib/metadata"
	"github.com/dapr/components-contrib/secretstores"
	"github.com/dapr/components-contrib/secretstores/huaweicloud/csms"
	"github.com/dapr/kit/logger"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func main() {
	ctx := context.Background()
	store := csms.NewHuaweiCsmsSecretStore(logger.NewLogger("csms"))
	settings := map[string]string{
		"region":          os.Getenv("CSMS_REGION"),
		"accessKey":       os.Getenv("CSMS_ACCESS_KEY"),
		"secretAccessKey": os.Getenv("CSMS_SECRET_KEY"),
	}
	must(0, store.Init(ctx, secretstores.Metadata{Base: metadata.Base{Properties: settings}}))
	name := os.Getenv("CSMS_SECRET")
	old := map[string]string{"version_id": "v1"}
	read := map[string]any{
		"newest": must(store.GetSecret(ctx, secretstores.GetSecretRequest{Name: name})).Data[name],
		"first":  must(store.GetSecret(ctx, secretstores.GetSecretRequest{Name: name, Metadata: old})).Data[name],
		"all":    must(store.BulkGetSecret(ctx, secretstores.BulkGetSecretRequest{})).Data,
	}
	fmt.Println(string(must(json.Marshal(read))))
}
