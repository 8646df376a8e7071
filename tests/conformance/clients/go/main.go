// Command csms-conformance runs the scenario with the official Go SDK against a running server and prints what happened.
//
// The server is named by CSMS_CREDENTIALS (the path of its credentials.json), the steps by CSMS_SCENARIO, and the way to sign
// in by CSMS_AUTHENTICATION ("signature" or "token"). Operations are found by reflection, so that a newer SDK's are too.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/global"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/impl"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/region"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
	csms "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/csms/v1"
	csmsmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/csms/v1/model"
	iam "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3"
	iammodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3/model"
	kms "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/kms/v2"
)

// Server is what credentials.json holds.
type Server struct {
	Endpoint   string `json:"endpoint"`
	Region     string `json:"region"`
	ProjectID  string `json:"project_id"`
	DomainID   string `json:"domain_id"`
	DomainName string `json:"domain_name"`
	UserName   string `json:"user_name"`
	Password   string `json:"password"`
	AccessKey  string `json:"access_key"`
	SecretKey  string `json:"secret_key"`
}

// Step is one call and what must come of it.
type Step struct {
	Service   string            `json:"service"`
	Operation string            `json:"operation"`
	Request   json.RawMessage   `json:"request"`
	Save      map[string]string `json:"save"`
	Has       []string          `json:"has"`
	Equals    map[string]any    `json:"equals"`
	Refused   *struct {
		Status int    `json:"status"`
		Code   string `json:"code"`
	} `json:"refused"`
}

// tokenCredentials sends X-Auth-Token instead of a signature.
type tokenCredentials struct{ token, project string }

func (c *tokenCredentials) ProcessAuthParams(*impl.DefaultHttpClient, string) (auth.ICredential, error) {
	return c, nil
}

func (c *tokenCredentials) ProcessAuthRequest(_ *impl.DefaultHttpClient, r *request.DefaultHttpRequest) (*request.DefaultHttpRequest, error) {
	builder := r.Builder().AddAutoFilledPathParam("project_id", c.project)
	return builder.AddHeaderParam("X-Auth-Token", c.token).AddHeaderParam("X-Project-Id", c.project).Build(), nil
}

func must[T any](value T, err error) T {
	if err != nil {
		fail(err.Error())
	}
	return value
}

func fail(reason string) {
	fmt.Fprintln(os.Stderr, reason)
	os.Exit(1)
}

func token(server Server) string {
	credentials := must(global.NewCredentialsBuilder().WithAk(server.AccessKey).WithSk(server.SecretKey).WithDomainId(server.DomainID).SafeBuild())
	client := iam.NewIamClient(must(iam.IamClientBuilder().WithEndpoint(server.Endpoint).WithCredential(credentials).SafeBuild()))
	body := &iammodel.KeystoneCreateUserTokenByPasswordRequestBody{}
	login := fmt.Sprintf(`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":%q,"password":%q,"domain":{"name":%q}}}},"scope":{"project":{"id":%q}}}}`,
		server.UserName, server.Password, server.DomainName, server.ProjectID)
	if err := json.Unmarshal([]byte(login), body); err != nil {
		fail(err.Error())
	}
	made := must(client.KeystoneCreateUserTokenByPassword(&iammodel.KeystoneCreateUserTokenByPasswordRequest{Body: body}))
	return *made.XSubjectToken
}

// client gives a builder the credentials of the way to sign in.
func client(builder *core.HcHttpClientBuilder, server Server, authentication string) *core.HcHttpClient {
	builder = builder.WithEndpoint(server.Endpoint)
	if authentication == "token" {
		credentials := &tokenCredentials{token(server), server.ProjectID}
		return must(builder.WithCredentialsType("main.tokenCredentials").WithCredential(credentials).SafeBuild())
	}
	credentials := basic.NewCredentialsBuilder().WithAk(server.AccessKey).WithSk(server.SecretKey).WithProjectId(server.ProjectID)
	return must(builder.WithCredential(must(credentials.SafeBuild())).SafeBuild())
}

// lookup signs in without a project: the SDK asks IAM for the one that is named like the region.
func lookup(server Server) {
	credentials := basic.NewCredentialsBuilder().WithAk(server.AccessKey).WithSk(server.SecretKey).WithIamEndpointOverride(server.Endpoint)
	builder := csms.CsmsClientBuilder().WithRegion(region.NewRegion(server.Region, server.Endpoint))
	found := csms.NewCsmsClient(must(builder.WithCredential(must(credentials.SafeBuild())).SafeBuild()))
	must(found.ShowSecretsConfig(&csmsmodel.ShowSecretsConfigRequest{}))
}

// operations are the methods of a client that take a request.
func operations(client any) map[string]reflect.Value {
	found := map[string]reflect.Value{}
	value := reflect.ValueOf(client)
	for index := range value.NumMethod() {
		name, method := value.Type().Method(index).Name, value.Method(index)
		if method.Type().NumIn() == 1 && method.Type().NumOut() == 2 && !strings.HasSuffix(name, "Invoker") {
			found[name] = method
		}
	}
	return found
}

func at(document any, pointer string) any {
	for _, step := range strings.Split(pointer, "/")[1:] {
		switch value := document.(type) {
		case map[string]any:
			document = value[step]
		case []any:
			index, err := strconv.Atoi(step)
			if err != nil || index >= len(value) {
				return nil
			}
			document = value[index]
		default:
			return nil
		}
	}
	return document
}

func filled(text string, saved map[string]string) string {
	for name, value := range saved {
		text = strings.ReplaceAll(text, "{{"+name+"}}", value)
	}
	return text
}

// run makes the call of a step; a text says what is wrong with what came of it.
func run(step Step, method reflect.Value, saved map[string]string) string {
	argument := reflect.New(method.Type().In(0).Elem())
	if err := json.Unmarshal([]byte(filled(string(step.Request), saved)), argument.Interface()); err != nil {
		return "the request: " + err.Error()
	}
	results := method.Call([]reflect.Value{argument})
	if err, failed := results[1].Interface().(error); failed {
		refusal, isRefusal := err.(*sdkerr.ServiceResponseError)
		if step.Refused == nil || !isRefusal {
			return err.Error()
		}
		if refusal.StatusCode != step.Refused.Status || refusal.ErrorCode != step.Refused.Code || refusal.RequestId == "" {
			return fmt.Sprintf("refused with %d %s", refusal.StatusCode, refusal.ErrorCode)
		}
		return ""
	}
	if step.Refused != nil {
		return "accepted"
	}
	var response any
	text := must(json.Marshal(results[0].Interface()))
	if err := json.Unmarshal(text, &response); err != nil {
		return err.Error()
	}
	for name, pointer := range step.Save {
		saved[name] = fmt.Sprint(at(response, pointer))
	}
	for _, pointer := range step.Has {
		if at(response, pointer) == nil {
			return "no " + pointer
		}
	}
	for pointer, wanted := range step.Equals {
		if wanted := filled(fmt.Sprint(wanted), saved); fmt.Sprint(at(response, pointer)) != wanted {
			return fmt.Sprintf("%s is %v instead of %s", pointer, at(response, pointer), wanted)
		}
	}
	return ""
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if strings.HasSuffix(module.Path, "huaweicloud-sdk-go-v3") {
			return module.Version
		}
	}
	return "unknown"
}

func main() {
	var server Server
	if err := json.Unmarshal(must(os.ReadFile(os.Getenv("CSMS_CREDENTIALS"))), &server); err != nil {
		fail(err.Error())
	}
	var steps []Step
	if err := json.Unmarshal(must(os.ReadFile(os.Getenv("CSMS_SCENARIO"))), &steps); err != nil {
		fail(err.Error())
	}
	authentication := os.Getenv("CSMS_AUTHENTICATION")
	lookup(server)
	clients := map[string]map[string]reflect.Value{
		"csms": operations(csms.NewCsmsClient(client(csms.CsmsClientBuilder(), server, authentication))),
		"kms":  operations(kms.NewKmsClient(client(kms.KmsClientBuilder(), server, authentication))),
	}
	saved := map[string]string{"prefix": "go-" + authentication + "-", "project": server.ProjectID, "user": server.UserName}
	saved["digest"] = "9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a"
	outcomes := map[string]map[string]string{"csms": {}, "kms": {}}
	for _, step := range steps {
		method, known := clients[step.Service][step.Operation]
		outcome := "not in this SDK"
		if known {
			outcome = "works"
			if reason := run(step, method, saved); reason != "" {
				outcome = "fails: " + reason
			}
		}
		if before := outcomes[step.Service][step.Operation]; !strings.HasPrefix(before, "fails") {
			outcomes[step.Service][step.Operation] = outcome
		}
	}
	for service, known := range clients {
		for name := range known {
			if _, tried := outcomes[service][name]; !tried {
				outcomes[service][name] = "not tried"
			}
		}
	}
	report := map[string]any{"client": "Go SDK", "version": version(), "operations": outcomes}
	fmt.Println(string(must(json.Marshal(report))))
}
