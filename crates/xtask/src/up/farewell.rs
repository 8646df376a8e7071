//! What a person needs to go on with the running server.

use std::fmt;

use csms_testbed::server::Server;

use super::database::Database;

/// The last words of `up`, for a server that stays.
pub(crate) struct Farewell<'a> {
    pub(crate) server: &'a Server,
    pub(crate) database: &'a Database,
    pub(crate) secret: &'a str,
}

impl fmt::Display for Farewell<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, database, secret } = self;
        let credentials = server.credentials_path().display();
        writeln!(formatter)?;
        for (name, value) in [
            ("console", format!("{}/ (in a few minutes)", server.url())),
            ("address", server.url().to_owned()),
            ("project id", server.project_id().to_owned()),
            ("credentials", credentials.to_string()),
            ("secret", (*secret).to_owned()),
            ("database", format!("{} {}", database.engine().name(), database.address())),
            ("server log", server.log_path().display().to_string()),
        ] {
            writeln!(formatter, "  {name:<12} {value}")?;
        }
        write!(
            formatter,
            "
Open the console and sign in with access_key and secret_key of the credentials, or read the secret with the official Python SDK (pip install huaweicloudsdkcsms):

  import json, huaweicloudsdkcsms.v1 as csms
  from huaweicloudsdkcore.auth.credentials import BasicCredentials

  keys = json.load(open(\"{credentials}\"))
  client = csms.CsmsClient.new_builder().with_endpoint(keys[\"endpoint\"]).with_credentials(
      BasicCredentials(keys[\"access_key\"], keys[\"secret_key\"], keys[\"project_id\"])).build()
  print(client.show_secret_version(csms.ShowSecretVersionRequest(\"{secret}\", \"latest\")).version.secret_string)

The console follows. Ctrl-C stops everything.
"
        )
    }
}
