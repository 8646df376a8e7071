//! Logins of databases on the command line: `--postgres app@db.example.com/shop` and its like.
//!
//! Makes the value of the secret and its rotation settings; the password comes from where other values come from.

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

/// A login of a database, one flag for each engine.
#[derive(Args, Debug, Default)]
#[group(id = "login", multiple = false)]
pub(super) struct LoginFlags {
    /// Login of a PostgreSQL database; the value that is read is its password
    #[arg(long, value_name = "USER@HOST[:PORT][/DB]", value_parser = address)]
    postgres: Option<Address>,

    /// Login of a MySQL database
    #[arg(long, value_name = "USER@HOST[:PORT][/DB]", value_parser = address)]
    mysql: Option<Address>,

    /// Login of a MariaDB database
    #[arg(long, value_name = "USER@HOST[:PORT][/DB]", value_parser = address)]
    mariadb: Option<Address>,

    /// Login of a TaurusDB database
    #[arg(long, value_name = "USER@HOST[:PORT][/DB]", value_parser = address)]
    taurusdb: Option<Address>,
}

/// Who logs in where.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    user: String,
    host: String,
    port: Option<u16>,
    database: Option<String>,
}

/// A login with its engine.
pub(super) struct DatabaseLogin {
    engine: &'static str,
    default_port: u16,
    /// Type of the secret.
    pub(super) kind: &'static str,
    address: Address,
}

/// Reads `USER@HOST[:PORT][/DB]`. The last `@` counts, and brackets enclose an IPv6 address.
fn address(text: &str) -> Result<Address, String> {
    let form = || "it must be of the form USER@HOST, USER@HOST:PORT or USER@HOST:PORT/DB".to_owned();
    let (user, rest) = text.rsplit_once('@').ok_or_else(form)?;
    if user.contains(':') {
        return Err("it holds a password, which other users of the machine could read: give the user alone".to_owned());
    }
    let (server, database) = match rest.split_once('/') {
        Some((server, database)) => (server, Some(database.to_owned())),
        None => (rest, None),
    };
    let (host, port) = match server.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, after)) => (host, after.strip_prefix(':')),
        None => server.split_once(':').map_or((server, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(|port| port.parse().map_err(|_| form())).transpose()?;
    if user.is_empty() || host.is_empty() || database.as_deref() == Some("") {
        return Err(form());
    }
    Ok(Address { user: user.to_owned(), host: host.to_owned(), port, database })
}

impl LoginFlags {
    /// The login, if one of the flags is given.
    pub(super) fn login(self) -> Option<DatabaseLogin> {
        let login = |engine, default_port, kind| move |address| DatabaseLogin { engine, default_port, kind, address };
        let postgres = self.postgres.map(login("postgresql", 5432, "RDS-FG"));
        let mysql = self.mysql.map(login("mysql", 3306, "RDS-FG"));
        let mariadb = self.mariadb.map(login("mariadb", 3306, "RDS-FG"));
        let taurusdb = self.taurusdb.map(login("taurusdb", 3306, "GaussDB-FG"));
        postgres.or(mysql).or(mariadb).or(taurusdb)
    }
}

impl DatabaseLogin {
    /// For a question: whose password it is.
    pub(super) fn account(&self) -> String {
        format!("{}@{}", self.address.user, self.address.host)
    }

    /// The value of the secret.
    pub(super) fn value(&self, password: &str) -> Zeroizing<String> {
        let Address { user, host, port, database } = &self.address;
        let mut value = json!({
            "engine": self.engine, "host": host, "port": port.unwrap_or(self.default_port), "username": user,
            "password": password,
        });
        if let Some(database) = database {
            value["dbname"] = json!(database);
        }
        Zeroizing::new(value.to_string())
    }

    /// How the account is rotated: alone, on a server that is named by its host.
    pub(super) fn rotation_config(&self) -> String {
        json!({ "InstanceId": self.address.host, "SecretSubType": "SingleUser" }).to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use csms_core::{RotationConfig, SecretType};

    use super::*;

    fn parts(text: &str) -> (String, String, Option<u16>, Option<String>) {
        let Address { user, host, port, database } = address(text).unwrap();
        (user, host, port, database)
    }

    #[test]
    fn an_address_is_read_with_and_without_port_and_database() {
        let text = |text: &str| text.to_owned();
        assert_eq!(parts("app@db"), (text("app"), text("db"), None, None));
        assert_eq!(parts("app@db:6000/shop"), (text("app"), text("db"), Some(6000), Some(text("shop"))));
        assert_eq!(parts("app@[::1]:6000/shop"), (text("app"), text("::1"), Some(6000), Some(text("shop"))));
        assert_eq!(parts("a@b@db/shop"), (text("a@b"), text("db"), None, Some(text("shop"))));
    }

    #[test]
    fn what_is_no_address_or_holds_a_password_is_refused() {
        for text in ["app", "@db", "app@", "app@db:x", "app@db/"] {
            assert!(address(text).unwrap_err().contains("USER@HOST"), "{text}");
        }
        let refusal = address("app:hunter2@db").unwrap_err();
        assert!(refusal.contains("password") && !refusal.contains("hunter2"), "{refusal}");
    }

    #[test]
    fn each_engine_makes_a_value_and_settings_that_the_service_takes() {
        let at = || Some(address("app@db.example.com/shop").unwrap());
        let none = LoginFlags::default;
        for (flags, engine, port) in [
            (LoginFlags { postgres: at(), ..none() }, "postgresql", 5432),
            (LoginFlags { mysql: at(), ..none() }, "mysql", 3306),
            (LoginFlags { mariadb: at(), ..none() }, "mariadb", 3306),
            (LoginFlags { taurusdb: at(), ..none() }, "taurusdb", 3306),
        ] {
            let login = flags.login().unwrap();
            let value: serde_json::Value = serde_json::from_str(&login.value("p\"w")).unwrap();
            let expected = json!({ "engine": engine, "host": "db.example.com", "port": port, "dbname": "shop",
                                   "username": "app", "password": "p\"w" });
            assert_eq!(value, expected);
            assert_eq!(RotationConfig::parse(&login.rotation_config()).unwrap().instance_id(), "db.example.com");
            assert!(SecretType::from_word(login.kind).is_some());
        }
    }
}
