"""A client by `openapi-python-client`: creates a secret and prints the value that it reads back."""

import os

from generated import AuthenticatedClient
from generated.api.secrets import create_secret
from generated.api.versions_and_stages import show_secret_version
from generated.models import CreateSecretRequest, SecretResponse, ShowVersionResponse

client = AuthenticatedClient(
    base_url=os.environ["CSMS_URL"], token=os.environ["CSMS_TOKEN"], prefix="", auth_header_name="X-Auth-Token"
)
project = os.environ["CSMS_PROJECT"]

body = CreateSecretRequest(name="openapi-python-client", secret_string="from python")
created = create_secret.sync(project, client=client, body=body)
assert isinstance(created, SecretResponse), created
read = show_secret_version.sync(project, created.secret.name, "latest", client=client)
assert isinstance(read, ShowVersionResponse), read
print(read.version.secret_string)
