// How programs read a secret: code for each of the usual ways, with the address of this server. Pure; nothing in it is
// secret.

import type { Translate } from "../app/language";

export interface Snippet {
  id: string;
  title: string;
  code: string;
}

export interface Place {
  endpoint: string;
  project: string;
  name: string;
}

/** Code that reads the current value. Keys come from the environment, never from the code. */
export function snippets({ endpoint, project, name }: Place, t: Translate): Snippet[] {
  return [
    {
      id: "exec",
      title: "csms exec",
      code: `# ${t("Members of the value become variables: password is PASSWORD.")}
export CSMS_ENDPOINT=${endpoint}
export HUAWEICLOUD_SDK_PROJECT_ID=${project}
export HUAWEICLOUD_SDK_AK=… HUAWEICLOUD_SDK_SK=…
csms exec --secret ${name} --all --upper -- ./your-program`,
    },
    {
      id: "python",
      title: "Python",
      code: `# pip install huaweicloudsdkcsms
import os
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcsms.v1 import CsmsClient, ShowSecretVersionRequest

client = (
    CsmsClient.new_builder()
    .with_credentials(BasicCredentials(os.environ["HUAWEICLOUD_SDK_AK"], os.environ["HUAWEICLOUD_SDK_SK"], "${project}"))
    .with_endpoint("${endpoint}")
    .build()
)
request = ShowSecretVersionRequest(secret_name="${name}", version_id="latest")
value = client.show_secret_version(request).version.secret_string`,
    },
    {
      id: "go",
      title: "Go",
      code: `// go get github.com/huaweicloud/huaweicloud-sdk-go-v3
auth := basic.NewCredentialsBuilder().
	WithAk(os.Getenv("HUAWEICLOUD_SDK_AK")).WithSk(os.Getenv("HUAWEICLOUD_SDK_SK")).
	WithProjectId("${project}").Build()
client := csms.NewCsmsClient(csms.CsmsClientBuilder().
	WithCredential(auth).WithEndpoint("${endpoint}").Build())
answer, err := client.ShowSecretVersion(&model.ShowSecretVersionRequest{
	SecretName: "${name}", VersionId: "latest"})
if err != nil {
	return err
}
value := *answer.Version.SecretString`,
    },
    {
      id: "java",
      title: "Java",
      code: `// com.huaweicloud.sdk:huaweicloud-sdk-csms
CsmsClient client = CsmsClient.newBuilder()
    .withCredential(new BasicCredentials()
        .withAk(System.getenv("HUAWEICLOUD_SDK_AK"))
        .withSk(System.getenv("HUAWEICLOUD_SDK_SK"))
        .withProjectId("${project}"))
    .withEndpoints(List.of("${endpoint}"))
    .build();
String value = client.showSecretVersion(new ShowSecretVersionRequest()
    .withSecretName("${name}").withVersionId("latest")).getVersion().getSecretString();`,
    },
    {
      id: "node",
      title: "Node.js",
      code: `// npm install csms
import { CsmsClient } from "csms";

const client = new CsmsClient({
  endpoint: "${endpoint}",
  projectId: "${project}",
  credentials: { accessKey: process.env.HUAWEICLOUD_SDK_AK, secretKey: process.env.HUAWEICLOUD_SDK_SK },
});
const { version } = await client.showSecretVersion({ secret_name: "${name}", version_id: "latest" });
const value = version.secret_string;`,
    },
    {
      id: "cli",
      title: "csms secret",
      code: `export CSMS_ENDPOINT=${endpoint} HUAWEICLOUD_SDK_PROJECT_ID=${project}
export HUAWEICLOUD_SDK_AK=… HUAWEICLOUD_SDK_SK=…
csms secret get ${name} --value`,
    },
    {
      id: "terraform",
      title: "Terraform",
      code: `# provider "huaweicloud" { endpoints = { kms = "${endpoint}/" } }
data "huaweicloud_csms_secret_version" "this" {
  secret_name = "${name}"
}

locals {
  value = data.huaweicloud_csms_secret_version.this.secret_text
}`,
    },
    {
      id: "kubernetes",
      title: "Kubernetes",
      code: `# kubectl create secret generic csms-keys --from-literal=HUAWEICLOUD_SDK_AK=… --from-literal=HUAWEICLOUD_SDK_SK=…
# ${t("The image holds the program csms.")}
containers:
  - name: app
    command: ["csms", "exec", "--secret", "${name}", "--all", "--upper", "--", "./your-program"]
    env:
      - { name: CSMS_ENDPOINT, value: "${endpoint}" }
      - { name: HUAWEICLOUD_SDK_PROJECT_ID, value: "${project}" }
    envFrom:
      - secretRef: { name: csms-keys }`,
    },
  ];
}
