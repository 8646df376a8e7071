//! Passwords set through the management API of the cloud that runs the database, as the cloud's own rotation function does:
//! RDS for MySQL, MariaDB and PostgreSQL, and TaurusDB (`compatibility/rotation.md#8-password-reset-apis`).
//!
//! No SQL is sent for that. Whether the new password is the account's is proven by a login, as it is known beforehand from
//! logins that the account would be let in, so the function must reach the database.

use core::error::Error;
use std::{
    iter::successors,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use csms_core::{
    ProjectId, UnixMillis,
    rotation::{
        Account, Engine, Inspection, Message, Probe, Trust,
        message::{connection as say, mysql},
        plan::{Cause, Change},
    },
    sign::{self, host_header, percent_encode},
    target::TargetRules,
};
use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use crate::{
    database::{Answer, By, Databases, Forecast, Inspect, NewPassword, SqlDatabases},
    targets::{AllowedAddresses, judge_literal},
    tls,
};

/// Longest wait for an answer of the management service.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The host part of an account that may log in from anywhere.
const ANYWHERE: &str = "%";

/// Which management API an instance has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// RDS: `POST …/db_user/resetpwd`.
    Rds,
    /// TaurusDB: `PUT …/db-users/password`. Accounts there have a host part, which is `%` unless something else is known.
    TaurusDb,
}

/// With which keys requests are signed.
#[derive(Clone)]
pub struct Signer {
    /// Access key.
    pub access_key: String,
    /// Its secret key.
    pub secret_key: Zeroizing<String>,
    /// Of temporary keys, their security token.
    pub security_token: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// Databases of one instance, whose passwords are set through its management API.
#[derive(Clone, Debug)]
pub struct ManagedDatabases {
    product: Product,
    url: Url,
    project: ProjectId,
    instance: String,
    signer: Signer,
    http: Client,
    sql: SqlDatabases,
    rules: TargetRules,
}

impl ManagedDatabases {
    /// The instance of a project at `endpoint`, `https://rds.<region>.myhuaweicloud.com` for instance, which is connected to
    /// where `rules` allow it. Logins are proven as by `sql`.
    ///
    /// # Errors
    /// What is wrong with the address, or with TLS.
    pub fn new(
        product: Product,
        endpoint: &str,
        project: ProjectId,
        instance: &str,
        signer: Signer,
        sql: SqlDatabases,
        rules: TargetRules,
    ) -> Result<Self, Message> {
        let url: Url = endpoint.parse().map_err(|_| say::no_address(endpoint))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(say::no_http_address());
        }
        let tls = tls::client_config(&Trust::default()).map_err(say::no_tls)?;
        let http = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(AllowedAddresses::new(rules.clone())))
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| say::no_http(error.to_string()))?;
        Ok(Self { product, url, project, instance: instance.to_owned(), signer, http, sql, rules })
    }

    async fn reset(&self, account: &Account, host: &str) -> Answer<Change> {
        if let Err(refusal) = judge_literal(&self.rules, &self.url) {
            return self.unreachable(&refusal);
        }
        let (method, url, body) = self.request(account, host);
        let body = Zeroizing::new(body.to_string().into_bytes());
        let mut request = self.http.request(method.clone(), url.clone()).body(body.to_vec());
        for (name, value) in self.headers(method.as_str(), &url, &body) {
            request = request.header(name, value);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return self.unreachable(&error),
            Err(error) if error.is_timeout() => return Answer::plain(Change::Unknown(Cause::TimedOut)),
            Err(_) => return Answer::plain(Change::Unknown(Cause::Unreachable)),
        };
        let status = response.status();
        // The code alone is told: texts may quote the request.
        let code = match response.json::<Value>().await {
            Ok(body) => {
                body.get("error_code").or_else(|| body.get("errCode")).and_then(Value::as_str).map(str::to_owned)
            }
            Err(_) => None,
        };
        let detail = match code {
            Some(code) => say::http_code(status.as_u16(), code),
            None => say::http(status.as_u16()),
        };
        match change_of(status) {
            Change::Done => Answer::plain(Change::Done),
            change => Answer::detailed(change, detail),
        }
    }

    /// The answer when there was no connection. The reason, which describes the network, is for the log alone.
    fn unreachable(&self, reason: &(dyn Error + 'static)) -> Answer<Change> {
        let reasons = successors(Some(reason), |reason| (*reason).source()).map(ToString::to_string);
        self.sql.log(&format!("the management service: {}", reasons.collect::<Vec<_>>().join(": ")));
        Answer::detailed(Change::NotDone(Cause::Unreachable), say::service())
    }

    /// The host part of the account that is to be given another password. Another account of the name would keep its own one
    /// and lose it.
    fn host<'a>(&self, new: &NewPassword<'a>, found: Option<&'a str>) -> Result<&'a str, (Cause, Message)> {
        let user = &new.account.login().username;
        if new.account.login().engine == Engine::PostgreSql {
            return Ok(ANYWHERE);
        }
        if let (Some(wanted), Some(found)) = (new.host, found)
            && !wanted.eq_ignore_ascii_case(found)
        {
            return Err((Cause::OtherAccount, mysql::leads_elsewhere(format!("{user}@{found}"), wanted)));
        }
        let host = found.or(new.host).unwrap_or(ANYWHERE);
        if self.product == Product::Rds && host != ANYWHERE {
            return Err((Cause::Unsupported, say::takes_no_host(format!("{user}@{host}"))));
        }
        Ok(host)
    }

    fn request(&self, account: &Account, host: &str) -> (reqwest::Method, Url, Value) {
        let (name, password) = (&account.login().username, account.password());
        let (method, path, body) = match self.product {
            Product::Rds => (reqwest::Method::POST, "db_user/resetpwd", json!({ "name": name, "password": password })),
            Product::TaurusDb => (
                reqwest::Method::PUT,
                "db-users/password",
                json!({ "users": [{ "name": name, "host": host, "password": password }] }),
            ),
        };
        let mut url = self.url.clone();
        let (project, instance) = (percent_encode(self.project.as_str()), percent_encode(&self.instance));
        url.set_path(&format!("/v3/{project}/instances/{instance}/{path}"));
        (method, url, body)
    }

    /// The headers that prove who sends the request.
    fn headers(&self, method: &str, url: &Url, body: &[u8]) -> Vec<(&'static str, String)> {
        let signer = sign::Signer {
            access_key: &self.signer.access_key,
            secret_key: &self.signer.secret_key,
            security_token: self.signer.security_token.as_ref().map(|token| token.as_str()),
            project: self.project.as_str(),
        };
        let host = host_header(url.scheme(), url.host_str().unwrap_or_default(), url.port());
        signer.json_headers(method, host, url.path(), body, now())
    }
}

/// What the status of an answer says of the change. The service documents no code for a password that it does not take; a
/// request that is wrong in itself can only be wrong in that, since all else in it is the secret's.
fn change_of(status: StatusCode) -> Change {
    match status.as_u16() {
        200..=299 => Change::Done,
        400 => Change::RefusedCandidate,
        401 | 403 => Change::NotDone(Cause::Forbidden),
        404 => Change::NotDone(Cause::Unsupported),
        409 | 429 => Change::NotDone(Cause::Busy),
        500..=599 => Change::Unknown(Cause::NotReady),
        _ => Change::Unknown(Cause::Other),
    }
}

impl Databases for ManagedDatabases {
    fn are_managed(&self) -> bool {
        true
    }

    async fn prove(&self, account: &Account, deadline: Instant) -> Answer<Probe> {
        self.sql.prove(account, deadline).await
    }

    async fn probe(&self, account: &Account, deadline: Instant) -> Answer<Probe> {
        self.sql.probe(account, deadline).await
    }

    async fn set_password(&self, new: NewPassword<'_>, deadline: Instant) -> Answer<Change> {
        let By::Service { host } = new.by else { return self.sql.set_password(new, deadline).await };
        match self.host(&new, host) {
            Ok(host) => {
                let reset = timeout_at(deadline, self.reset(new.account, host)).await;
                reset.unwrap_or(Answer::plain(Change::Unknown(Cause::TimedOut)))
            }
            Err((cause, detail)) => Answer::detailed(Change::NotDone(cause), detail),
        }
    }

    async fn inspect(&self, inspect: Inspect<'_>, deadline: Instant) -> Answer<Inspection> {
        self.sql.inspect(inspect, deadline).await
    }

    async fn rights(&self, account: &Account, deadline: Instant) -> Option<Vec<String>> {
        self.sql.rights(account, deadline).await
    }

    async fn forecast(&self, new: NewPassword<'_>, deadline: Instant) -> Forecast {
        let By::Service { host } = new.by else { return self.sql.forecast(new, deadline).await };
        if let Err((cause, detail)) = self.host(&new, host) {
            return Forecast::obstacle(cause, detail);
        }
        let missing = if new.keep_old { vec![say::keeps_no_old()] } else { Vec::new() };
        Forecast { expected: Change::Done, keeps_old: false, missing, account: None }
    }
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use csms_core::SecretValue;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// What becomes of a reset at an endpoint, where these are denied.
    async fn reset(deny: &str, endpoint: &str) -> Change {
        let signer = Signer { access_key: "AK".to_owned(), secret_key: "SK".to_owned().into(), security_token: None };
        let project = ProjectId::parse("0123456789abcdef0123456789abcdef").unwrap();
        let rules = TargetRules::parse("", deny).unwrap();
        let databases =
            ManagedDatabases::new(Product::Rds, endpoint, project, "i", signer, SqlDatabases::default(), rules);
        let value = json!({ "engine": "mysql", "host": "db", "username": "app", "password": "x" });
        let account = Account::parse(&SecretValue::text(value.to_string()).unwrap()).unwrap();
        databases.unwrap().reset(&account, ANYWHERE).await.finding
    }

    #[tokio::test]
    async fn the_password_is_sent_only_where_the_rules_allow_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let endpoints = [format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}")];
        let unreachable = Change::NotDone(Cause::Unreachable);
        for endpoint in &endpoints {
            assert_eq!(reset("127.0.0.0/8,::1", endpoint).await, unreachable, "{endpoint}");
        }
        assert_eq!(reset("localhost", &endpoints[1]).await, unreachable);
        // The first connection is that of the reset that is allowed.
        let heard = tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4];
            connection.read_exact(&mut head).await.unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            connection.write_all(answer).await.unwrap();
            let mut rest = Vec::new();
            let _ = connection.read_to_end(&mut rest).await;
            head
        });
        assert_eq!(reset("10.0.0.0/8", &endpoints[0]).await, Change::Done);
        assert_eq!(heard.await.unwrap(), b"POST");
    }
}
