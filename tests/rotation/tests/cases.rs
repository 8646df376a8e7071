//! What real servers and real accounts are like: each case prepares an account in one way, compares the dry run's word with
//! what then happens, and looks after the application, the hashes of all accounts and the logs of the server. What was met
//! is in `ENGINES.md`; `CSMS_WRITE_GENERATED=1` writes it.
//!
//! The secret lives in memory; the adapters, the servers and all logins are the real ones. The cases of a server run one
//! after the other, because some change its settings.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::{fmt::Write as _, time::Duration};
use std::collections::BTreeMap;

use csms_core::{
    RotationConfig, RotationMode, SecretName,
    rotation::{Engine, RotationEvent},
    stage,
};
use csms_rotate::{Limits, SqlDatabases, dry_run};
use csms_rotation_tests::{Database, GreetingProxy, MemorySecret, Passage, Place, Trial, tables, trial::Outcome};
use csms_testbed::{
    MySqlServer, PgBouncer, Postgres, TlsMode,
    mysql::{self, Release},
    pgbouncer, postgres, roots,
};
use getrandom::SysRng;
use serde_json::Value;
use tokio::time::Instant;

const START: &str = "Start-password-1234";
const KEEPER: &str = "Keeper-password-3";

/// What is to come of a rotation.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Rotates,
    /// Nothing is changed, and the failure says so in these words.
    Refused(&'static str),
    /// What the dry run says beforehand, and the failure of a rotation.
    Fails(&'static str),
}

/// One way to prepare an account. `{u}` stands for its name.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    /// Statements of the administrator, the first one of which may create the account.
    given: &'static [&'static str],
    /// What is different in the stored value.
    value: fn(&mut Value, &Extra),
    /// What is different in the value of SYSPREVIOUS, where there is such a version.
    previous: Option<fn(&mut Value, &Extra)>,
    /// Whether the configuration names an administrator.
    admin: bool,
    /// What is different in the administrator's value.
    keeper: fn(&mut Value, &Extra),
    /// The host part in the configuration.
    host: Option<&'static str>,
    place: Place,
    /// How long a login may take at most, in seconds.
    patience: u64,
    /// How long a change may take at most, in seconds.
    change: u64,
    wanted: Wanted,
    /// What the dry run's account or missing things have to say.
    says: &'static str,
    /// How the new hash begins, where that is to be kept.
    keeps: &'static str,
    /// Statements that undo what concerns other accounts.
    after: &'static [&'static str],
}

const PLAIN: Case = Case {
    name: "an ordinary account",
    given: &[],
    value: |_, _| {},
    previous: None,
    admin: false,
    keeper: |_, _| {},
    host: None,
    place: Place::Here,
    patience: 20,
    change: 10,
    wanted: Wanted::Rotates,
    says: "",
    keeps: "",
    after: &[],
};

/// What values may need to know of the server.
struct Extra {
    certificate: String,
    key: String,
    /// The port of a pooler in front of the server.
    pooler: u16,
    /// A port that passes connections on, so that the server sees other addresses than the function has.
    relay: u16,
    /// The port of a proxy that greets for a server of the MySQL family.
    proxy: u16,
    port: u16,
}

fn stale(value: &mut Value, _: &Extra) {
    value["password"] = "Not-the-password-9".into();
}

fn without_tls(value: &mut Value, _: &Extra) {
    value["tls"] = "disable".into();
}

/// Without TLS, also where the new password goes to the server as text.
fn in_clear(value: &mut Value, extra: &Extra) {
    without_tls(value, extra);
    value["allow_cleartext_password"] = true.into();
}

fn with_certificate(value: &mut Value, extra: &Extra) {
    value["tls_cert"] = extra.certificate.as_str().into();
    value["tls_key"] = extra.key.as_str().into();
}

fn through_a_relay(value: &mut Value, extra: &Extra) {
    value["port"] = extra.relay.into();
}

fn through_the_pooler(value: &mut Value, extra: &Extra) {
    value["port"] = extra.pooler.into();
    value["tls"] = "disable".into();
}

fn beside_the_pooler(value: &mut Value, extra: &Extra) {
    through_the_pooler(value, extra);
    rotated_at_the_server(value, extra);
}

fn through_the_proxy(value: &mut Value, extra: &Extra) {
    value["port"] = extra.proxy.into();
}

fn rotated_through_the_relay(value: &mut Value, extra: &Extra) {
    value["rotation_host"] = "127.0.0.1".into();
    value["rotation_port"] = extra.relay.into();
}

fn rotated_at_the_server(value: &mut Value, extra: &Extra) {
    value["rotation_host"] = "127.0.0.1".into();
    value["rotation_port"] = extra.port.into();
}

/// What is said where a refused login would lock the account and nobody but a login tells whether a change was made.
const NOT_RESUMABLE: &str =
    "a rotation that is interrupted after it has changed the password could not go on without one";

/// MySQL and MariaDB.
const FAMILY: &[Case] = &[
    PLAIN,
    WITH_A_URL,
    ROTATED_ELSEWHERE,
    ROTATED_WHERE_THE_ADMINISTRATOR_IS,
    Case { name: "an ordinary account with an administrator", admin: true, ..PLAIN },
    Case { name: "a stored password that is wrong", value: stale, wanted: Wanted::Refused("Do not reset"), ..PLAIN },
    Case { name: "a stored password that is wrong, with an administrator", value: stale, admin: true, ..PLAIN },
    Case {
        name: "a wrong password and no trust in the server's certificate, with an administrator that has it",
        value: |value, extra| {
            stale(value, extra);
            value.as_object_mut().unwrap().remove("tls_ca");
        },
        admin: true,
        wanted: Wanted::Refused("put the CA's certificate into tls_ca"),
        ..PLAIN
    },
    Case {
        name: "a wrong password and REQUIRE SUBJECT, with an administrator",
        given: &["ALTER USER {u}@'%' REQUIRE SUBJECT '/CN=somebody-else'"],
        value: |value, extra| {
            stale(value, extra);
            with_certificate(value, extra);
        },
        admin: true,
        wanted: Wanted::Refused("nothing was changed"),
        ..PLAIN
    },
    Case {
        name: "REQUIRE X509, no certificate in the value, with an administrator",
        given: &["ALTER USER {u}@'%' REQUIRE X509"],
        admin: true,
        place: Place::WithCertificate,
        wanted: Wanted::Refused("wants a client certificate"),
        ..PLAIN
    },
    Case {
        name: "REQUIRE X509, tls_cert and tls_key in the value",
        given: &["ALTER USER {u}@'%' REQUIRE X509"],
        value: with_certificate,
        place: Place::WithCertificate,
        ..PLAIN
    },
    Case {
        name: "REQUIRE SUBJECT, another certificate in the value, with an administrator",
        given: &["ALTER USER {u}@'%' REQUIRE SUBJECT '/CN=somebody-else'"],
        value: with_certificate,
        admin: true,
        place: Place::WithCertificate,
        wanted: Wanted::Refused("SYSCURRENT holds the account's password"),
        ..PLAIN
    },
    Case {
        name: "the account admits another address, with an administrator",
        given: &["CREATE USER {u}@'127.0.0.5' IDENTIFIED BY '{p}'", "GRANT ALL ON app.* TO {u}@'127.0.0.5'"],
        admin: true,
        place: Place::At("127.0.0.5"),
        wanted: Wanted::Refused("it admits only 127.0.0.5"),
        ..PLAIN
    },
    Case {
        name: "the account admits another network, without an administrator",
        given: &["CREATE USER {u}@'10.9.%' IDENTIFIED BY '{p}'"],
        place: Place::Elsewhere,
        wanted: Wanted::Refused("host"),
        ..PLAIN
    },
    Case {
        name: "the account admits another network, with an administrator",
        given: &["CREATE USER {u}@'10.9.%' IDENTIFIED BY '{p}'"],
        admin: true,
        place: Place::Elsewhere,
        wanted: Wanted::Refused("it admits only 10.9.%"),
        ..PLAIN
    },
    Case {
        name: "the account admits a network of the function's host",
        given: &["CREATE USER {u}@'127.%' IDENTIFIED BY '{p}'", "GRANT ALL ON app.* TO {u}@'127.%'"],
        admin: true,
        says: "@127.% on ",
        ..PLAIN
    },
    Case {
        name: "the account admits a network of the function's host, written with its mask",
        given: &["CREATE USER {u}@'127.0.0.0/255.0.0.0' IDENTIFIED BY '{p}'"],
        value: stale,
        admin: true,
        says: "@127.0.0.0/255.0.0.0 on ",
        ..PLAIN
    },
    Case {
        name: "the account admits another network, written with its mask, with an administrator",
        given: &["CREATE USER {u}@'10.0.0.0/255.0.0.0' IDENTIFIED BY '{p}'"],
        admin: true,
        place: Place::Elsewhere,
        wanted: Wanted::Refused("it admits only 10.0.0.0/255.0.0.0"),
        ..PLAIN
    },
    Case {
        name: "REQUIRE SSL, tls is disable, with an administrator",
        given: &["ALTER USER {u}@'%' REQUIRE SSL"],
        value: without_tls,
        admin: true,
        wanted: Wanted::Refused("wants TLS"),
        ..PLAIN
    },
    Case {
        name: "two accounts of one name: the account is named in full",
        given: &["CREATE USER {u}@'127.0.0.5' IDENTIFIED BY '{p}'", "CREATE USER {u}@'%' IDENTIFIED BY '{p}'"],
        says: "@% on ",
        ..PLAIN
    },
    Case {
        name: "two accounts of one name, with an administrator",
        given: &["CREATE USER {u}@'127.0.0.5' IDENTIFIED BY '{p}'", "CREATE USER {u}@'%' IDENTIFIED BY '{p}'"],
        admin: true,
        wanted: Wanted::Refused("several accounts of this name"),
        ..PLAIN
    },
    Case {
        name: "two accounts of one name, a wrong stored password, with an administrator",
        given: &["CREATE USER {u}@'127.0.0.5' IDENTIFIED BY '{p}'", "CREATE USER {u}@'%' IDENTIFIED BY '{p}'"],
        value: stale,
        admin: true,
        wanted: Wanted::Refused("exist for the hosts %, 127.0.0.5"),
        ..PLAIN
    },
    Case {
        name: "two accounts of one name, Host chooses the one that rotations reach",
        given: &["CREATE USER {u}@'127.0.0.5' IDENTIFIED BY '{p}'", "CREATE USER {u}@'%' IDENTIFIED BY '{p}'"],
        admin: true,
        host: Some("%"),
        says: "@% on ",
        ..PLAIN
    },
    Case {
        name: "Host chooses an account that rotations do not reach",
        given: &["CREATE USER {u}@'127.0.0.5' IDENTIFIED BY '{p}'", "CREATE USER {u}@'%' IDENTIFIED BY '{p}'"],
        host: Some("127.0.0.5"),
        wanted: Wanted::Refused("rotation_config says 127.0.0.5"),
        ..PLAIN
    },
    Case {
        name: "read_only",
        given: &["SET GLOBAL read_only = 1"],
        wanted: Wanted::Refused("read-only"),
        after: &["SET GLOBAL read_only = 0"],
        ..PLAIN
    },
    Case {
        name: "an expired password",
        given: &["ALTER USER {u}@'%' PASSWORD EXPIRE"],
        wanted: Wanted::Refused("expired"),
        ..PLAIN
    },
    Case {
        name: "an expired password, with an administrator",
        given: &["ALTER USER {u}@'%' PASSWORD EXPIRE"],
        admin: true,
        ..PLAIN
    },
    Case {
        name: "a password that has expired by its age, and the server ends its sessions at once",
        given: AGED,
        wanted: Wanted::Refused("it has expired"),
        after: NOT_AGED,
        ..PLAIN
    },
    Case {
        name: "a password that has expired by its age, with an administrator",
        given: AGED,
        admin: true,
        after: NOT_AGED,
        ..PLAIN
    },
    Case {
        name: "the account admits one place of a network",
        given: &["CREATE USER {u}@'127.0.0._' IDENTIFIED BY '{p}'"],
        says: "@127.0.0._ on ",
        ..PLAIN
    },
    Case {
        name: "REQUIRE CIPHER, and connections have another one, with an administrator",
        given: &["ALTER USER {u}@'%' REQUIRE CIPHER 'AES128-SHA'"],
        admin: true,
        wanted: Wanted::Refused("nothing but a login with the right password shows"),
        ..PLAIN
    },
    Case {
        name: "a locked account",
        given: &["ALTER USER {u}@'%' ACCOUNT LOCK"],
        wanted: Wanted::Refused("the account is locked"),
        ..PLAIN
    },
    Case {
        name: "a locked account, with an administrator",
        given: &["ALTER USER {u}@'%' ACCOUNT LOCK"],
        admin: true,
        wanted: Wanted::Refused("the account is locked"),
        ..PLAIN
    },
    Case {
        name: "the server admits no connection without TLS",
        given: &["SET GLOBAL require_secure_transport = 1"],
        value: without_tls,
        wanted: Wanted::Refused("TLS"),
        after: &["SET GLOBAL require_secure_transport = 0"],
        ..PLAIN
    },
    Case {
        name: "two failed logins are allowed",
        given: &["{two-failed-logins}"],
        place: Place::Quiet,
        after: &["{any-failed-logins}"],
        ..PLAIN
    },
    Case {
        name: "engine is postgresql",
        value: |value, _| value["engine"] = "postgresql".into(),
        wanted: Wanted::Refused("no server of the engine"),
        ..PLAIN
    },
    Case {
        name: "engine is postgresql, tls is disable",
        value: |value, extra| {
            without_tls(value, extra);
            value["engine"] = "postgresql".into();
        },
        wanted: Wanted::Refused("no server of the engine"),
        ..PLAIN
    },
    Case {
        name: "a name of odd characters",
        given: &["CREATE USER `it's \\ %s @ ünï`@'%' IDENTIFIED BY '{p}'"],
        value: |value, _| value["username"] = "it's \\ %s @ ünï".into(),
        ..PLAIN
    },
    Case {
        name: "a name of the greatest length, in Chinese and between quotes of every kind",
        given: &["CREATE USER '数据库\"账号`;--四五六七八九十一二三四五六七八九十一二三四五'@'%' IDENTIFIED BY '{p}'"],
        value: |value, _| value["username"] = "数据库\"账号`;--四五六七八九十一二三四五六七八九十一二三四五".into(),
        ..PLAIN
    },
    Case {
        name: "a neighbour whose name is like it, by the administrator",
        given: &["CREATE USER 'a_b'@'%' IDENTIFIED BY '{p}'", "CREATE USER 'aXb'@'%' IDENTIFIED BY '{p}'"],
        value: |value, extra| {
            stale(value, extra);
            value["username"] = "a_b".into();
        },
        admin: true,
        ..PLAIN
    },
    Case {
        name: "no such account",
        given: &["CREATE USER {u}@'%' IDENTIFIED BY '{p}'", "DROP USER {u}@'%'"],
        place: Place::Elsewhere,
        wanted: Wanted::Refused("host"),
        ..PLAIN
    },
    Case {
        name: "a stored password that is wrong, and the administrator's as well",
        given: &["ALTER USER keeper@'%' IDENTIFIED BY 'Another-password-7'"],
        value: stale,
        admin: true,
        wanted: Wanted::Refused("the database refuses the login of AdminSecret"),
        after: &["ALTER USER keeper@'%' IDENTIFIED BY 'Keeper-password-3'"],
        ..PLAIN
    },
    Case {
        name: "sql_mode ANSI_QUOTES",
        given: &["SET GLOBAL sql_mode = 'ANSI_QUOTES'"],
        after: &["SET GLOBAL sql_mode = DEFAULT"],
        ..PLAIN
    },
    Case {
        name: "sql_mode ANSI, by the administrator",
        given: &["SET GLOBAL sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES'"],
        value: stale,
        admin: true,
        after: &["SET GLOBAL sql_mode = DEFAULT"],
        ..PLAIN
    },
    Case {
        name: "transactions are read-only unless they say otherwise",
        given: &["SET GLOBAL TRANSACTION READ ONLY"],
        after: &["SET GLOBAL TRANSACTION READ WRITE"],
        ..PLAIN
    },
    Case {
        name: "transactions are read-only unless they say otherwise, by the administrator",
        given: &["SET GLOBAL TRANSACTION READ ONLY"],
        value: stale,
        admin: true,
        after: &["SET GLOBAL TRANSACTION READ WRITE"],
        ..PLAIN
    },
    Case {
        name: "autocommit is off",
        given: &["SET GLOBAL autocommit = 0"],
        after: &["SET GLOBAL autocommit = 1"],
        ..PLAIN
    },
    Case {
        name: "one connection at a time",
        given: &["ALTER USER {u}@'%' WITH MAX_USER_CONNECTIONS 1"],
        place: Place::Quiet,
        ..PLAIN
    },
    Case {
        name: "three connections per hour",
        given: &["ALTER USER {u}@'%' WITH MAX_CONNECTIONS_PER_HOUR 3"],
        place: Place::Elsewhere,
        wanted: Wanted::Fails("connection"),
        ..PLAIN
    },
    Case {
        name: "five statements per hour",
        given: &["ALTER USER {u}@'%' WITH MAX_QUERIES_PER_HOUR 5"],
        place: Place::Elsewhere,
        wanted: Wanted::Fails("takes no further connection now"),
        ..PLAIN
    },
    Case { name: "one change per hour", given: &["ALTER USER {u}@'%' WITH MAX_UPDATES_PER_HOUR 1"], ..PLAIN },
    Case {
        name: "a proxy that logs clients in by itself (scripted) in host and port",
        value: through_the_proxy,
        wanted: Wanted::Refused("name the database itself in rotation_host"),
        ..PLAIN
    },
    Case {
        name: "a proxy that logs clients in by itself (scripted), a wrong stored password, with an administrator",
        value: |value, extra| {
            stale(value, extra);
            through_the_proxy(value, extra);
        },
        admin: true,
        keeper: through_the_proxy,
        wanted: Wanted::Refused("name the database itself in rotation_host"),
        ..PLAIN
    },
    Case {
        name: "a proxy that logs clients in by itself (scripted) in host and port, the server in rotation_host",
        value: |value, extra| {
            through_the_proxy(value, extra);
            rotated_at_the_server(value, extra);
        },
        says: "mysql_users of ProxySQL",
        ..PLAIN
    },
    Case {
        name: "a host name that does not resolve",
        value: |value, _| value["host"] = "absent.invalid".into(),
        wanted: Wanted::Refused("the host name does not resolve"),
        ..PLAIN
    },
    Case {
        name: "the CA is not in the value",
        value: |value, _| {
            value.as_object_mut().unwrap().remove("tls_ca");
        },
        wanted: Wanted::Refused("put the CA's certificate into tls_ca"),
        ..PLAIN
    },
];

/// An account that is rotated at an address which the administrator's value does not name.
const ROTATED_ELSEWHERE: Case = Case {
    name: "rotation_host and rotation_port name what AdminSecret does not, a wrong stored password",
    value: |value, extra| {
        stale(value, extra);
        rotated_through_the_relay(value, extra);
    },
    admin: true,
    wanted: Wanted::Refused("the administrator logs in only where its own value says"),
    ..PLAIN
};

/// The same where it names that address, too.
const ROTATED_WHERE_THE_ADMINISTRATOR_IS: Case = Case {
    name: "rotation_host and rotation_port are those of AdminSecret, a wrong stored password",
    keeper: rotated_through_the_relay,
    wanted: Wanted::Rotates,
    ..ROTATED_ELSEWHERE
};

/// A URL that holds the password.
const WITH_A_URL: Case = Case {
    name: "a URL in the value holds the password as well",
    value: |value, _| value["url"] = format!("db://app:{START}@db.example/app").into(),
    says: "members of the value besides password that hold the password too, such as a URL: 1",
    ..PLAIN
};

/// Owners who have stored another version for something else than its password, on MySQL and MariaDB.
const MENDED: &[Case] = &[
    Case { name: "SYSPREVIOUS holds the same password", previous: Some(|_, _| {}), ..PLAIN },
    Case {
        name: "REQUIRE SSL, and SYSCURRENT says that tls is disable for the password of SYSPREVIOUS",
        given: &["ALTER USER {u}@'%' REQUIRE SSL"],
        value: in_clear,
        previous: Some(|_, _| {}),
        wanted: Wanted::Refused(SHARED),
        ..PLAIN
    },
    Case {
        name: "REQUIRE SSL, and SYSCURRENT says that tls is disable for the password of SYSPREVIOUS, with an administrator",
        given: &["ALTER USER {u}@'%' REQUIRE SSL"],
        value: in_clear,
        previous: Some(|_, _| {}),
        admin: true,
        wanted: Wanted::Refused("SYSCURRENT holds the account's password"),
        ..PLAIN
    },
    Case {
        name: "REQUIRE X509, and SYSPREVIOUS alone has a certificate for the password of both",
        given: &["ALTER USER {u}@'%' REQUIRE X509"],
        previous: Some(with_certificate),
        place: Place::WithCertificate,
        wanted: Wanted::Refused(SHARED),
        ..PLAIN
    },
    Case {
        name: "REQUIRE SSL, and SYSCURRENT has neither the password nor TLS, which SYSPREVIOUS has",
        given: &["ALTER USER {u}@'%' REQUIRE SSL"],
        value: |value, extra| {
            stale(value, extra);
            in_clear(value, extra);
        },
        previous: Some(|_, _| {}),
        wanted: Wanted::Refused("Do not reset"),
        ..PLAIN
    },
    Case {
        name: "REQUIRE SSL, and SYSCURRENT has neither the password nor TLS, with an administrator",
        given: &["ALTER USER {u}@'%' REQUIRE SSL"],
        value: |value, extra| {
            stale(value, extra);
            in_clear(value, extra);
        },
        previous: Some(|_, _| {}),
        admin: true,
        wanted: Wanted::Refused("SYSPREVIOUS holds the account's password"),
        ..PLAIN
    },
];

/// What is said where SYSPREVIOUS shows that SYSCURRENT's password is right; a dry run leaves SYSPREVIOUS alone.
const SHARED: &str = "SYSPREVIOUS logs in with the very password of SYSCURRENT";

/// The same on PostgreSQL: the rule for connections without TLS takes no MD5 hash.
const MENDED_POSTGRESQL: &[Case] = &[
    Case {
        name: "SYSCURRENT says that tls is disable for the password of SYSPREVIOUS",
        given: HALVED,
        value: |value, extra| {
            without_tls(value, extra);
            value["username"] = "halved".into();
        },
        previous: Some(|value, _| value["username"] = "halved".into()),
        wanted: Wanted::Refused(SHARED),
        after: &["DROP ROLE halved"],
        ..PLAIN
    },
    Case {
        name: "SYSCURRENT says that tls is disable for the password of SYSPREVIOUS, with an administrator",
        given: HALVED,
        value: |value, extra| {
            without_tls(value, extra);
            value["username"] = "halved".into();
        },
        previous: Some(|value, _| value["username"] = "halved".into()),
        admin: true,
        wanted: Wanted::Refused("SYSCURRENT holds the account's password"),
        after: &["DROP ROLE halved"],
        ..PLAIN
    },
];

/// A role whose passwords are kept elsewhere, in a directory for instance.
const WITHOUT_PASSWORD: Case = Case {
    name: "a role without a password, with an administrator",
    given: &["CREATE ROLE {u} LOGIN"],
    admin: true,
    place: Place::Elsewhere,
    wanted: Wanted::Refused("which has no password in the database"),
    ..PLAIN
};

const HALVED: &[&str] = &["SET password_encryption = 'md5'; CREATE ROLE halved LOGIN PASSWORD '{p}'", "DROP ROLE {u}"];

/// MySQL alone.
const MYSQL: &[Case] = &[
    Case {
        name: "super_read_only",
        given: &["SET GLOBAL super_read_only = 1"],
        wanted: Wanted::Refused("read-only"),
        after: &["SET GLOBAL super_read_only = 0", "SET GLOBAL read_only = 0"],
        ..PLAIN
    },
    Case {
        name: "tls is disable: the password would go in clear",
        value: without_tls,
        wanted: Wanted::Refused("in clear"),
        ..PLAIN
    },
    Case { name: "tls is disable, and clear text is allowed by name", value: in_clear, ..PLAIN },
    Case {
        name: "validate_password.length that new passwords do not have",
        given: &["INSTALL COMPONENT 'file://component_validate_password'", "SET GLOBAL validate_password.length = 40"],
        wanted: Wanted::Refused("see its password policy"),
        says: "validate_password.length is 40",
        after: &["UNINSTALL COMPONENT 'file://component_validate_password'"],
        ..PLAIN
    },
    Case {
        name: "FAILED_LOGIN_ATTEMPTS 1",
        given: &["ALTER USER {u}@'%' FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME UNBOUNDED"],
        place: Place::Quiet,
        wanted: Wanted::Refused(NOT_RESUMABLE),
        ..PLAIN
    },
    Case {
        name: "FAILED_LOGIN_ATTEMPTS 1, with an administrator",
        given: &["ALTER USER {u}@'%' FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME UNBOUNDED"],
        admin: true,
        place: Place::Quiet,
        says: "locked after 1 failed logins",
        ..PLAIN
    },
    Case {
        name: "FAILED_LOGIN_ATTEMPTS 1 without a PASSWORD_LOCK_TIME, which locks nobody",
        given: &["ALTER USER {u}@'%' FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME 0"],
        ..PLAIN
    },
    Case {
        name: "FAILED_LOGIN_ATTEMPTS 1, a wrong stored password, with an administrator",
        given: &["ALTER USER {u}@'%' FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME UNBOUNDED"],
        value: stale,
        admin: true,
        place: Place::Quiet,
        ..PLAIN
    },
    Case {
        name: "the server admits administrators alone",
        given: &["SET GLOBAL offline_mode = 1"],
        place: Place::Elsewhere,
        wanted: Wanted::Refused("takes no further connection now"),
        after: &["SET GLOBAL offline_mode = 0"],
        ..PLAIN
    },
    Case {
        name: "auth_socket",
        given: &[
            "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'",
            "CREATE USER {u}@'%' IDENTIFIED WITH auth_socket",
        ],
        wanted: Wanted::Refused("logs in without one"),
        after: &["DROP USER {u}@'%'", "UNINSTALL PLUGIN auth_socket"],
        ..PLAIN
    },
    Case {
        name: "mysql_no_login, with an administrator",
        given: &[
            "INSTALL PLUGIN mysql_no_login SONAME 'mysql_no_login.so'",
            "CREATE USER {u}@'%' IDENTIFIED WITH mysql_no_login",
        ],
        admin: true,
        place: Place::Elsewhere,
        wanted: Wanted::Refused("mysql_no_login"),
        after: &["DROP USER {u}@'%'", "UNINSTALL PLUGIN mysql_no_login"],
        ..PLAIN
    },
    Case { name: "engine is mariadb", value: |value, _| value["engine"] = "mariadb".into(), ..PLAIN },
    Case {
        name: "sha256_password",
        given: &["CREATE USER {u}@'%' IDENTIFIED WITH sha256_password BY '{p}'"],
        place: Place::Elsewhere,
        wanted: Wanted::Refused("not supported"),
        ..PLAIN
    },
    Case {
        name: "authentication_policy wants another plugin",
        given: ANOTHER_PLUGIN,
        wanted: Wanted::Refused("does not allow the change"),
        says: "authentication_policy wants auth_socket, and",
        after: ANY_PLUGIN,
        ..PLAIN
    },
    Case {
        name: "authentication_policy wants another plugin, with an administrator",
        given: ANOTHER_PLUGIN,
        admin: true,
        after: ANY_PLUGIN,
        ..PLAIN
    },
    Case {
        name: "authentication_policy wants another plugin, with an administrator that is bound by it",
        given: &[
            "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'",
            "SET GLOBAL authentication_policy = 'auth_socket,,'",
            "REVOKE AUTHENTICATION_POLICY_ADMIN ON *.* FROM keeper@'%'",
        ],
        value: stale,
        admin: true,
        wanted: Wanted::Refused("does not allow the change"),
        says: "authentication_policy wants auth_socket, and",
        after: &[
            "SET GLOBAL authentication_policy = DEFAULT",
            "UNINSTALL PLUGIN auth_socket",
            "GRANT AUTHENTICATION_POLICY_ADMIN ON *.* TO keeper@'%'",
        ],
        ..PLAIN
    },
    Case {
        name: "a second factor",
        given: SECOND_FACTOR,
        place: Place::Elsewhere,
        wanted: Wanted::Refused("second factor"),
        after: NO_SECOND_FACTOR,
        ..PLAIN
    },
    Case {
        name: "a second factor, with an administrator",
        given: SECOND_FACTOR,
        admin: true,
        place: Place::Elsewhere,
        wanted: Wanted::Refused("it logs in by caching_sha2_password and auth_socket"),
        after: NO_SECOND_FACTOR,
        ..PLAIN
    },
    Case {
        name: "a second factor and a wrong stored password, with an administrator",
        given: SECOND_FACTOR,
        value: stale,
        admin: true,
        place: Place::Elsewhere,
        wanted: Wanted::Refused("it logs in by caching_sha2_password and auth_socket"),
        after: NO_SECOND_FACTOR,
        ..PLAIN
    },
    Case {
        name: "APPLICATION_PASSWORD_ADMIN: the old password is kept",
        given: &["GRANT APPLICATION_PASSWORD_ADMIN ON *.* TO {u}@'%'"],
        ..PLAIN
    },
    Case {
        name: "password history and the current password asked for",
        given: &["ALTER USER {u}@'%' PASSWORD HISTORY 5 PASSWORD REQUIRE CURRENT"],
        ..PLAIN
    },
    Case {
        name: "validate_password with every character to be changed",
        given: &[
            "INSTALL COMPONENT 'file://component_validate_password'",
            "SET GLOBAL validate_password.policy = 'MEDIUM', GLOBAL validate_password.changed_characters_percentage = 100",
        ],
        after: &["UNINSTALL COMPONENT 'file://component_validate_password'"],
        ..PLAIN
    },
    Case {
        name: "validate_password with every character to be changed, and the current password asked for",
        given: ALL_CHARACTERS_AND_THE_CURRENT_ONE,
        wanted: Wanted::Refused("validate_password.changed_characters_percentage asks for"),
        after: &["UNINSTALL COMPONENT 'file://component_validate_password'"],
        ..PLAIN
    },
    Case {
        name: "validate_password with every character to be changed, and the current password asked for, with an administrator",
        given: ALL_CHARACTERS_AND_THE_CURRENT_ONE,
        admin: true,
        after: &["UNINSTALL COMPONENT 'file://component_validate_password'"],
        ..PLAIN
    },
];

/// An account that has to give its old password, and a server that compares the new one with it.
const ALL_CHARACTERS_AND_THE_CURRENT_ONE: &[&str] = &[
    "INSTALL COMPONENT 'file://component_validate_password'",
    "SET GLOBAL validate_password.changed_characters_percentage = 100",
    "ALTER USER {u}@'%' PASSWORD REQUIRE CURRENT",
];

/// A password that was set too long ago.
const AGED: &[&str] = &["{ends-at-once}", "{set-long-ago}", "FLUSH PRIVILEGES"];

const NOT_AGED: &[&str] = &["{warns-first}"];

/// A server that wants accounts to log in without a password.
const ANOTHER_PLUGIN: &[&str] =
    &["INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'", "SET GLOBAL authentication_policy = 'auth_socket,,'"];

const ANY_PLUGIN: &[&str] = &["SET GLOBAL authentication_policy = DEFAULT", "UNINSTALL PLUGIN auth_socket"];

/// An account that shows who it is by a password and besides by its user of the operating system.
const SECOND_FACTOR: &[&str] = &[
    "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'",
    "CREATE USER {u}@'%' IDENTIFIED BY '{p}' AND IDENTIFIED WITH auth_socket",
];

const NO_SECOND_FACTOR: &[&str] = &["DROP USER {u}@'%'", "UNINSTALL PLUGIN auth_socket"];

/// MariaDB alone.
const MARIADB: &[Case] = &[
    Case {
        name: "max_password_errors of 1",
        given: &["SET GLOBAL max_password_errors = 1"],
        place: Place::Quiet,
        wanted: Wanted::Refused(NOT_RESUMABLE),
        after: &["SET GLOBAL max_password_errors = DEFAULT", "FLUSH PRIVILEGES"],
        ..PLAIN
    },
    Case {
        name: "max_password_errors of 1, with an administrator",
        given: &["SET GLOBAL max_password_errors = 1"],
        admin: true,
        place: Place::Quiet,
        after: &["SET GLOBAL max_password_errors = DEFAULT", "FLUSH PRIVILEGES"],
        ..PLAIN
    },
    Case {
        name: "max_password_errors of 1, a wrong stored password, with an administrator",
        given: &["SET GLOBAL max_password_errors = 1"],
        value: stale,
        admin: true,
        place: Place::Quiet,
        after: &["SET GLOBAL max_password_errors = DEFAULT", "FLUSH PRIVILEGES"],
        ..PLAIN
    },
    Case {
        name: "simple_password_check, every statement in the slow log",
        given: &[
            "INSTALL SONAME 'simple_password_check'",
            "SET GLOBAL slow_query_log = 1, GLOBAL long_query_time = 0, GLOBAL log_output = 'FILE'",
        ],
        ..PLAIN
    },
    Case {
        name: "simple_password_check and the general log",
        given: &["SET GLOBAL general_log = 1"],
        wanted: Wanted::Refused("general_log would show the password"),
        after: &["SET GLOBAL general_log = 0"],
        ..PLAIN
    },
    Case {
        name: "simple_password_check, tls is disable",
        value: without_tls,
        wanted: Wanted::Refused("in clear"),
        ..PLAIN
    },
    Case {
        name: "simple_password_check_minimal_length that new passwords do not have",
        given: &["SET GLOBAL simple_password_check_minimal_length = 40"],
        wanted: Wanted::Refused("see its password policy"),
        says: "simple_password_check_minimal_length is 40",
        after: &["UNINSTALL SONAME 'simple_password_check'"],
        ..PLAIN
    },
    Case {
        name: "mysql_native_password or unix_socket",
        given: &[
            "CREATE USER {u}@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('{p}') OR unix_socket",
            "GRANT ALL ON app.* TO {u}@'%'",
        ],
        ..PLAIN
    },
    Case {
        name: "unix_socket alone",
        given: &["CREATE USER {u}@'%' IDENTIFIED VIA unix_socket"],
        wanted: Wanted::Refused("logs in without one"),
        ..PLAIN
    },
    Case {
        name: "password_reuse_check",
        given: &["INSTALL SONAME 'password_reuse_check'"],
        after: &["UNINSTALL SONAME 'password_reuse_check'"],
        ..PLAIN
    },
    Case {
        name: "unix_socket or mysql_native_password",
        given: &[
            "CREATE USER {u}@'%' IDENTIFIED VIA unix_socket OR mysql_native_password USING PASSWORD('{p}')",
            "GRANT ALL ON app.* TO {u}@'%'",
        ],
        ..PLAIN
    },
    Case {
        name: "sql_errlog, and simple_password_check refuses the new passwords",
        given: &[
            "INSTALL SONAME 'sql_errlog'",
            "INSTALL SONAME 'simple_password_check'",
            "SET GLOBAL simple_password_check_minimal_length = 40",
        ],
        wanted: Wanted::Refused("see its password policy"),
        after: &["UNINSTALL SONAME 'simple_password_check'", "UNINSTALL SONAME 'sql_errlog'"],
        ..PLAIN
    },
    Case {
        name: "sql_errlog, and simple_password_check takes the new passwords",
        given: &["INSTALL SONAME 'sql_errlog'", "INSTALL SONAME 'simple_password_check'"],
        after: &["UNINSTALL SONAME 'simple_password_check'", "UNINSTALL SONAME 'sql_errlog'"],
        ..PLAIN
    },
    Case {
        name: "ed25519",
        given: &["INSTALL SONAME 'auth_ed25519'", "CREATE USER {u}@'%' IDENTIFIED VIA ed25519 USING PASSWORD('{p}')"],
        place: Place::Elsewhere,
        wanted: Wanted::Refused("client_ed25519 or parsec"),
        ..PLAIN
    },
    Case {
        name: "ed25519 or mysql_native_password",
        given: &[
            "CREATE USER {u}@'%' IDENTIFIED VIA ed25519 USING PASSWORD('{p}') OR mysql_native_password USING PASSWORD('{p}')",
        ],
        place: Place::Elsewhere,
        wanted: Wanted::Refused("ed25519"),
        ..PLAIN
    },
    Case {
        name: "mysql_native_password or ed25519",
        given: &[
            "CREATE USER {u}@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('{p}') OR ed25519 USING PASSWORD('{p}')",
            "GRANT ALL ON app.* TO {u}@'%'",
        ],
        place: Place::Quiet,
        says: "the passwords of the ways after the first stay as they are",
        ..PLAIN
    },
];

/// MariaDB 11.8 and newer, which has further plugins.
const NEWER_MARIADB: &[Case] = &[Case {
    name: "parsec",
    given: &["INSTALL SONAME 'auth_parsec'", "CREATE USER {u}@'%' IDENTIFIED VIA parsec USING PASSWORD('{p}')"],
    place: Place::Elsewhere,
    wanted: Wanted::Refused("client_ed25519 or parsec"),
    ..PLAIN
}];

/// An administrator's statement that sets `pässwörd-12345` as a client sends it that speaks latin1.
const IN_LATIN1: &str = "SET NAMES utf8mb4; \
    SET @statement = CONVERT(\"ALTER USER {u}@'%' IDENTIFIED BY 'pässwörd-12345'\" USING latin1); \
    SET NAMES latin1; PREPARE change_it FROM @statement; EXECUTE change_it";

/// What operators set for new sessions and accounts, and what it must not change, on MySQL and MariaDB.
const SESSIONS: &[Case] = &[
    Case {
        name: "Host chooses an account that another one of its name shadows here, with an administrator",
        given: &["CREATE USER {u}@'127.%' IDENTIFIED BY '{p}'", "CREATE USER {u}@'%' IDENTIFIED BY '{p}'"],
        value: stale,
        admin: true,
        host: Some("%"),
        wanted: Wanted::Refused("leads, or may lead, to an account for 127.%"),
        ..PLAIN
    },
    Case {
        name: "sql_select_limit is 1: several accounts of one name, with an administrator",
        given: &[
            "CREATE USER {u}@'127.0.0.5' IDENTIFIED BY '{p}'",
            "CREATE USER {u}@'%' IDENTIFIED BY '{p}'",
            "SET GLOBAL sql_select_limit = 1",
        ],
        admin: true,
        place: Place::At("127.0.0.5"),
        wanted: Wanted::Refused("exist for the hosts %, 127.0.0.5"),
        after: &["SET GLOBAL sql_select_limit = DEFAULT"],
        ..PLAIN
    },
    Case {
        name: "init_connect says latin1, and the name is outside ASCII",
        given: &["CREATE USER `büch`@'%' IDENTIFIED BY '{p}'", "SET GLOBAL init_connect = 'SET NAMES latin1'"],
        value: |value, _| value["username"] = "büch".into(),
        says: "büch@% on ",
        after: &["SET GLOBAL init_connect = ''"],
        ..PLAIN
    },
    Case {
        name: "init_connect says latin1, and the name is outside ASCII, by the administrator",
        given: &["CREATE USER `büro`@'%' IDENTIFIED BY '{p}'", "SET GLOBAL init_connect = 'SET NAMES latin1'"],
        value: |value, extra| {
            stale(value, extra);
            value["username"] = "büro".into();
        },
        admin: true,
        after: &["SET GLOBAL init_connect = ''"],
        ..PLAIN
    },
    Case {
        name: "a password outside ASCII that was set in latin1, with an administrator",
        given: &[IN_LATIN1],
        value: |value, _| value["password"] = "pässwörd-12345".into(),
        admin: true,
        place: Place::Elsewhere,
        wanted: Wanted::Refused("different encodings"),
        ..PLAIN
    },
];

/// MySQL alone.
const MYSQL_SESSIONS: &[Case] = &[
    Case {
        name: "a comment that looks like clauses, with an administrator",
        given: &["ALTER USER {u}@'%' COMMENT \"Bob's: ACCOUNT LOCK until REQUIRE X509 PASSWORD EXPIRE\""],
        value: stale,
        admin: true,
        ..PLAIN
    },
    Case {
        name: "a second password that no version holds, with an administrator",
        given: &[
            "GRANT APPLICATION_PASSWORD_ADMIN ON *.* TO {u}@'%'",
            "ALTER USER {u}@'%' IDENTIFIED BY 'Another-password-5' RETAIN CURRENT PASSWORD",
        ],
        value: |value, _| value["password"] = "Another-password-5".into(),
        admin: true,
        wanted: Wanted::Refused("keeps a second password"),
        ..PLAIN
    },
    Case {
        name: "the stored password is the second one, and the first was set by hand",
        given: &["ALTER USER {u}@'%' IDENTIFIED BY 'Another-password-5' RETAIN CURRENT PASSWORD"],
        admin: true,
        wanted: Wanted::Refused("first password is in no stored version"),
        ..PLAIN
    },
    Case {
        name: "log_raw is on, and so is the general log",
        given: &["SET GLOBAL log_raw = ON"],
        wanted: Wanted::Refused("log_raw is on"),
        after: &["SET GLOBAL log_raw = OFF"],
        ..PLAIN
    },
    Case {
        name: "special_char_count of 8",
        given: &[
            "INSTALL COMPONENT 'file://component_validate_password'",
            "SET GLOBAL validate_password.special_char_count = 8",
        ],
        after: &["UNINSTALL COMPONENT 'file://component_validate_password'"],
        ..PLAIN
    },
    Case {
        name: "special_char_count of 10, and the policy looks at the length alone",
        given: &[
            "INSTALL COMPONENT 'file://component_validate_password'",
            "SET GLOBAL validate_password.special_char_count = 10, GLOBAL validate_password.policy = 'LOW'",
        ],
        after: &["UNINSTALL COMPONENT 'file://component_validate_password'"],
        ..PLAIN
    },
    Case {
        name: "SYSTEM_USER, and an administrator without it",
        given: &["GRANT SYSTEM_USER ON *.* TO {u}@'%'", "REVOKE SYSTEM_USER ON *.* FROM keeper@'%'"],
        value: stale,
        admin: true,
        wanted: Wanted::Refused("does not allow the change"),
        says: "SYSTEM_USER for the administrator",
        after: &["GRANT SYSTEM_USER ON *.* TO keeper@'%'"],
        ..PLAIN
    },
];

/// MariaDB alone.
const MARIADB_SESSIONS: &[Case] = &[
    Case {
        name: "old_passwords is 1",
        given: &["SET GLOBAL old_passwords = 1"],
        after: &["SET GLOBAL old_passwords = 0"],
        ..PLAIN
    },
    Case {
        name: "old_passwords is 1, by the administrator",
        given: &["SET GLOBAL old_passwords = 1"],
        value: stale,
        admin: true,
        after: &["SET GLOBAL old_passwords = 0"],
        ..PLAIN
    },
    Case {
        name: "a role of the same name, with an administrator",
        given: &["CREATE ROLE {u}"],
        value: stale,
        admin: true,
        after: &["DROP ROLE {u}"],
        ..PLAIN
    },
    Case {
        name: "SUPER on a read-only server",
        given: &["GRANT SUPER ON *.* TO {u}@'%'", "SET GLOBAL read_only = 1"],
        wanted: Wanted::Refused("read-only"),
        after: &["SET GLOBAL read_only = 0"],
        ..PLAIN
    },
    Case {
        name: "simple_password_check with eight other characters, by the administrator",
        given: &["INSTALL SONAME 'simple_password_check'", "SET GLOBAL simple_password_check_other_characters = 8"],
        value: stale,
        admin: true,
        after: &["UNINSTALL SONAME 'simple_password_check'"],
        ..PLAIN
    },
    Case {
        name: "simple_password_check, by an administrator whose statement would be in the binary log",
        given: &[
            "INSTALL SONAME 'simple_password_check'",
            "REVOKE ALL, GRANT OPTION FROM keeper@'%'",
            "GRANT CREATE USER ON *.* TO keeper@'%'",
            "GRANT SELECT ON mysql.* TO keeper@'%'",
        ],
        value: stale,
        admin: true,
        wanted: Wanted::Refused("the binary log would show the password"),
        after: &["GRANT ALL ON *.* TO keeper@'%' WITH GRANT OPTION", "UNINSTALL SONAME 'simple_password_check'"],
        ..PLAIN
    },
];

/// Servers that resolve the names of clients.
const RESOLVED: &[Case] = &[
    Case {
        name: "the account admits the address of a client that the server knows by its name",
        given: &["CREATE USER {u}@'127.0.0.1' IDENTIFIED BY '{p}'"],
        value: stale,
        admin: true,
        says: "@127.0.0.1 on ",
        ..PLAIN
    },
    Case {
        name: "the account admits the network of a client that the server knows by its name",
        given: &["CREATE USER {u}@'127.0.0.%' IDENTIFIED BY '{p}' PASSWORD EXPIRE"],
        admin: true,
        says: "@127.0.0.% on ",
        ..PLAIN
    },
];

/// PostgreSQL of any version.
const POSTGRESQL: &[Case] = &[
    PLAIN,
    WITH_A_URL,
    ROTATED_ELSEWHERE,
    ROTATED_WHERE_THE_ADMINISTRATOR_IS,
    Case { name: "a stored password that is wrong", value: stale, wanted: Wanted::Refused("Do not reset"), ..PLAIN },
    Case { name: "a stored password that is wrong, with an administrator", value: stale, admin: true, ..PLAIN },
    Case {
        name: "a wrong password and a database that does not exist, with an administrator",
        value: |value, extra| {
            stale(value, extra);
            value["dbname"] = "absent".into();
        },
        admin: true,
        wanted: Wanted::Refused("the database does not exist"),
        ..PLAIN
    },
    Case {
        name: "a wrong password and a database that is closed to the role, with an administrator",
        given: &["CREATE DATABASE apart", "REVOKE CONNECT ON DATABASE apart FROM PUBLIC"],
        value: |value, extra| {
            stale(value, extra);
            value["dbname"] = "apart".into();
        },
        admin: true,
        wanted: Wanted::Refused("may not connect to this database"),
        after: &["DROP DATABASE apart"],
        ..PLAIN
    },
    Case {
        name: "a stored password that is wrong, and an administrator that is no superuser",
        given: &["ALTER ROLE keeper NOSUPERUSER CREATEROLE"],
        value: stale,
        admin: true,
        wanted: Wanted::Refused("may not read the account's password hash"),
        after: &["ALTER ROLE keeper SUPERUSER"],
        ..PLAIN
    },
    Case {
        name: "a stored password that is wrong, and the administrator's as well",
        given: &["ALTER ROLE keeper PASSWORD 'Another-password-7'"],
        value: stale,
        admin: true,
        wanted: Wanted::Refused("the database refuses the login of AdminSecret"),
        after: &["ALTER ROLE keeper PASSWORD 'Keeper-password-3'"],
        ..PLAIN
    },
    Case {
        name: "a password of which the driver makes another one, with an administrator",
        given: &["CREATE ROLE {u} LOGIN PASSWORD '\u{340}abc-12345'"],
        value: |value, _| value["password"] = "\u{340}abc-12345".into(),
        admin: true,
        wanted: Wanted::Refused("SYSCURRENT holds the account's password"),
        ..PLAIN
    },
    Case {
        name: "a password beyond ASCII that is not the account's as it is written, with an administrator",
        value: |value, _| value["password"] = "pässwörd-12345".into(),
        admin: true,
        wanted: Wanted::Refused("or cannot compare them with it"),
        ..PLAIN
    },
    Case {
        name: "a database that takes no connections",
        given: &["CREATE DATABASE closed", "ALTER DATABASE closed ALLOW_CONNECTIONS false"],
        value: |value, _| value["dbname"] = "closed".into(),
        wanted: Wanted::Refused("the database takes no connections"),
        after: &["DROP DATABASE closed"],
        ..PLAIN
    },
    Case {
        name: "CONNECTION LIMIT 0",
        given: &["ALTER ROLE {u} CONNECTION LIMIT 0"],
        place: Place::Elsewhere,
        wanted: Wanted::Refused("with 0 it never logs in"),
        ..PLAIN
    },
    Case {
        name: "CONNECTION LIMIT 0, with an administrator",
        given: &["ALTER ROLE {u} CONNECTION LIMIT 0"],
        admin: true,
        place: Place::Elsewhere,
        wanted: Wanted::Refused("its CONNECTION LIMIT is 0"),
        ..PLAIN
    },
    Case { name: "CONNECTION LIMIT 1", given: &["ALTER ROLE {u} CONNECTION LIMIT 1"], place: Place::Quiet, ..PLAIN },
    Case {
        name: "a client certificate of another name, with an administrator",
        given: &["CREATE ROLE named LOGIN PASSWORD '{p}'", "DROP ROLE {u}"],
        value: |value, extra| {
            with_certificate(value, extra);
            value["username"] = "named".into();
        },
        admin: true,
        place: Place::WithCertificate,
        wanted: Wanted::Refused("SYSCURRENT holds the account's password"),
        after: &["DROP ROLE named"],
        ..PLAIN
    },
    Case {
        name: "a role with REPLICATION, with an administrator",
        given: &["ALTER ROLE {u} REPLICATION"],
        admin: true,
        ..PLAIN
    },
    Case {
        name: "VALID UNTIL in the past",
        given: &["ALTER ROLE {u} VALID UNTIL '2020-01-01'"],
        wanted: Wanted::Refused("VALID UNTIL"),
        ..PLAIN
    },
    Case {
        name: "VALID UNTIL in the past, with an administrator",
        given: &["ALTER ROLE {u} VALID UNTIL '2020-01-01'"],
        admin: true,
        wanted: Wanted::Refused("has expired"),
        ..PLAIN
    },
    Case {
        name: "VALID UNTIL a date to come",
        given: &["ALTER ROLE {u} VALID UNTIL '2099-01-01'"],
        says: "the role expires on 2099-01-01",
        ..PLAIN
    },
    Case { name: "VALID UNTIL infinity", given: &["ALTER ROLE {u} VALID UNTIL 'infinity'"], ..PLAIN },
    Case {
        name: "an MD5 hash under a scram-sha-256 rule, with an administrator",
        given: &["SET password_encryption = 'md5'; CREATE ROLE {u} LOGIN PASSWORD '{p}'"],
        admin: true,
        wanted: Wanted::Refused("SYSCURRENT holds the account's password"),
        ..PLAIN
    },
    Case { name: "NOLOGIN", given: &["ALTER ROLE {u} NOLOGIN"], wanted: Wanted::Refused("may not log in"), ..PLAIN },
    Case {
        name: "a database that does not exist",
        value: |value, _| value["dbname"] = "absent".into(),
        wanted: Wanted::Refused("does not exist"),
        ..PLAIN
    },
    Case {
        name: "no database named, and none to connect to",
        given: &["REVOKE CONNECT ON DATABASE postgres FROM PUBLIC"],
        value: |value, _| {
            value.as_object_mut().unwrap().remove("dbname");
        },
        wanted: Wanted::Refused("name a database"),
        after: &["GRANT CONNECT ON DATABASE postgres TO PUBLIC"],
        ..PLAIN
    },
    Case {
        name: "commits wait for a standby that is not there",
        given: &["ALTER SYSTEM SET synchronous_standby_names = 'gone'", "SELECT pg_reload_conf()"],
        place: Place::Quiet,
        change: 3,
        wanted: Wanted::Fails("cannot tell whether the password was changed"),
        says: "synchronous_standby_names",
        after: &["ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"],
        ..PLAIN
    },
    Case {
        name: "pg_hba.conf rejects the role",
        given: &["CREATE ROLE rejected LOGIN PASSWORD '{p}'", "DROP ROLE {u}"],
        value: |value, _| value["username"] = "rejected".into(),
        wanted: Wanted::Refused("pg_hba.conf lets no such connection in"),
        ..PLAIN
    },
    Case {
        name: "pg_hba.conf asks who the role is elsewhere (ident)",
        given: &["CREATE ROLE identified LOGIN PASSWORD '{p}'", "DROP ROLE {u}"],
        value: |value, _| value["username"] = "identified".into(),
        wanted: Wanted::Refused("may not log in"),
        ..PLAIN
    },
    Case {
        name: "pg_hba.conf asks for TLS, tls is disable",
        given: &["CREATE ROLE encrypted LOGIN PASSWORD '{p}'", "DROP ROLE {u}"],
        value: |value, extra| {
            without_tls(value, extra);
            value["username"] = "encrypted".into();
        },
        wanted: Wanted::Refused("it may ask for TLS"),
        ..PLAIN
    },
    Case {
        name: "pg_hba.conf trusts the role",
        given: &["CREATE ROLE trusted LOGIN PASSWORD '{p}'", "DROP ROLE {u}"],
        value: |value, _| value["username"] = "trusted".into(),
        wanted: Wanted::Refused("accepts any password"),
        after: &["DROP ROLE trusted"],
        ..PLAIN
    },
    Case {
        name: "pg_hba.conf trusts the role, with an administrator",
        given: &["CREATE ROLE trusted LOGIN PASSWORD '{p}'", "DROP ROLE {u}"],
        value: |value, _| value["username"] = "trusted".into(),
        admin: true,
        wanted: Wanted::Refused("accepts any password"),
        after: &["DROP ROLE trusted"],
        ..PLAIN
    },
    Case {
        name: "engine is mysql",
        value: |value, _| value["engine"] = "mysql".into(),
        patience: 2,
        wanted: Wanted::Refused("no server of the engine"),
        ..PLAIN
    },
    Case {
        name: "a name of odd characters",
        given: &["CREATE ROLE \"it's \\ %s @ \"\" ünï\" LOGIN PASSWORD '{p}'"],
        value: |value, _| value["username"] = "it's \\ %s @ \" ünï".into(),
        ..PLAIN
    },
    Case {
        name: "a name of the greatest length, in Chinese",
        given: &["CREATE ROLE \"数据库账号一二三四五六七八九十一二三四五六\" LOGIN PASSWORD '{p}'"],
        value: |value, _| value["username"] = "数据库账号一二三四五六七八九十一二三四五六".into(),
        ..PLAIN
    },
    Case { name: "a superuser", given: &["ALTER ROLE {u} SUPERUSER"], after: &["ALTER ROLE {u} NOSUPERUSER"], ..PLAIN },
    Case {
        name: "pg_hba.conf asks for the password itself",
        given: &["CREATE ROLE texted LOGIN PASSWORD '{p}'", "DROP ROLE {u}"],
        value: |value, _| value["username"] = "texted".into(),
        ..PLAIN
    },
    Case {
        name: "settings of the role: acting as another, read-only, hasty",
        given: &["CREATE ROLE {u}_other NOLOGIN; GRANT {u}_other TO {u}; ALTER ROLE {u} SET role = {u}_other; \
             ALTER ROLE {u} SET default_transaction_read_only = on; ALTER ROLE {u} SET statement_timeout = '50ms'"],
        ..PLAIN
    },
    Case {
        name: "password_encryption is md5 under a scram-sha-256 rule",
        given: &["ALTER ROLE {u} SET password_encryption = 'md5'"],
        says: "kept as SCRAM-SHA-256",
        ..PLAIN
    },
    Case {
        name: "the owner of the database puts functions and operators before the server's",
        given: &[TRAPS],
        after: &[NO_TRAPS],
        ..PLAIN
    },
    Case {
        name: "the owner of the database puts functions and operators before the server's, by the administrator",
        given: &[TRAPS],
        value: stale,
        admin: true,
        after: &[NO_TRAPS],
        ..PLAIN
    },
    Case {
        name: "the administrator's settings: acting as another, read-only, hasty",
        given: &["CREATE ROLE {u}_other NOLOGIN; ALTER ROLE keeper SET role = {u}_other; \
             ALTER ROLE keeper SET default_transaction_read_only = on; ALTER ROLE keeper SET statement_timeout = '1ms'"],
        value: stale,
        admin: true,
        after: &["ALTER ROLE keeper RESET ALL; DROP ROLE {u}_other"],
        ..PLAIN
    },
    Case {
        name: "idle sessions and transactions are ended at once",
        given: &["ALTER ROLE {u} SET idle_session_timeout = 1; \
             ALTER ROLE {u} SET idle_in_transaction_session_timeout = 1"],
        ..PLAIN
    },
    Case {
        name: "password_encryption is md5 under an md5 rule, and a SCRAM verifier is kept",
        given: &[
            "SET password_encryption = 'scram-sha-256'; CREATE ROLE mixed LOGIN PASSWORD '{p}'; \
             ALTER ROLE mixed SET password_encryption = 'md5'",
            "DROP ROLE {u}",
        ],
        value: |value, _| value["username"] = "mixed".into(),
        says: "as the present one is",
        keeps: "SCRAM-SHA-256$4096:",
        ..PLAIN
    },
    Case {
        name: "the server's password_encryption is md5, by an administrator under an md5 rule",
        given: &[
            "ALTER SYSTEM SET password_encryption = 'md5'",
            "SELECT pg_reload_conf()",
            "SET password_encryption = 'scram-sha-256'; CREATE ROLE {u} LOGIN PASSWORD '{p}'",
        ],
        value: stale,
        admin: true,
        says: "as the present one is",
        keeps: "SCRAM-SHA-256$4096:",
        after: &["ALTER SYSTEM RESET password_encryption", "SELECT pg_reload_conf()"],
        ..PLAIN
    },
    Case {
        name: "a client certificate is asked for and missing",
        given: &["CREATE ROLE certified LOGIN PASSWORD '{p}'", "DROP ROLE {u}"],
        value: |value, _| value["username"] = "certified".into(),
        place: Place::WithCertificate,
        wanted: Wanted::Refused("client certificate"),
        ..PLAIN
    },
    Case {
        name: "a client certificate is asked for and in the value",
        value: |value, extra| {
            with_certificate(value, extra);
            value["username"] = "certified".into();
        },
        place: Place::WithCertificate,
        ..PLAIN
    },
    Case {
        name: "a host name that does not resolve",
        value: |value, _| value["host"] = "absent.invalid".into(),
        wanted: Wanted::Refused("the host name does not resolve"),
        ..PLAIN
    },
];

/// What an owner of a database can put before the server's own: each of these makes the account a superuser when the
/// administrator's session comes by.
const TRAPS: &str = "ALTER DATABASE app OWNER TO {u}; CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC; \
    CREATE FUNCTION evil.trap() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN \
        IF session_user = 'keeper' THEN EXECUTE 'ALTER ROLE {u} SUPERUSER'; END IF; RETURN true; END $$; \
    CREATE FUNCTION evil.has_table_privilege(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap()'; \
    CREATE FUNCTION evil.has_column_privilege(text, text, text) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap()'; \
    CREATE FUNCTION evil.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap()'; \
    CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.now() FROM evil.trap()'; \
    CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql \
        AS 'SELECT pg_catalog.current_setting($1) FROM evil.trap()'; \
    CREATE FUNCTION evil.equal(name, text) RETURNS boolean LANGUAGE sql \
        AS 'SELECT evil.trap() AND $1 OPERATOR(pg_catalog.=) $2'; \
    CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = text, FUNCTION = evil.equal); \
    CREATE VIEW evil.pg_roles AS SELECT r.* FROM pg_catalog.pg_roles r, evil.trap(); \
    CREATE VIEW evil.pg_authid AS SELECT r.* FROM pg_catalog.pg_authid r, evil.trap(); \
    GRANT SELECT ON evil.pg_roles TO PUBLIC; ALTER DATABASE app SET search_path = evil, pg_catalog";

const NO_TRAPS: &str = "SET search_path = pg_catalog; ALTER DATABASE app OWNER TO testbed_admin; \
    ALTER DATABASE app RESET search_path; DROP SCHEMA evil CASCADE; DO $$ BEGIN \
        IF (SELECT rolsuper FROM pg_roles WHERE rolname = '{u}') THEN RAISE 'the account is a superuser'; END IF; END $$";

/// PostgreSQL 15, which the machine has.
const OLDER_POSTGRESQL: &[Case] = &[
    Case {
        name: "a role with REPLICATION",
        given: &["ALTER ROLE {u} REPLICATION"],
        wanted: Wanted::Refused("does not allow the change"),
        says: "the account has REPLICATION",
        ..PLAIN
    },
    Case {
        name: "a role with REPLICATION, and an administrator that is no superuser",
        given: &[
            "ALTER ROLE {u} REPLICATION; ALTER ROLE keeper NOSUPERUSER CREATEROLE; GRANT SELECT ON pg_authid TO keeper",
        ],
        value: stale,
        admin: true,
        wanted: Wanted::Refused("does not allow the change"),
        says: "a superuser as administrator",
        after: &["REVOKE SELECT ON pg_authid FROM keeper; ALTER ROLE keeper SUPERUSER"],
        ..PLAIN
    },
];

/// PostgreSQL 18 with credcheck, and a pooler in front of it.
const NEWER_POSTGRESQL: &[Case] = &[
    Case { name: "a role with REPLICATION", given: &["ALTER ROLE {u} REPLICATION"], ..PLAIN },
    Case {
        name: "credcheck takes no hashes",
        given: &["ALTER SYSTEM SET credcheck.encrypted_password_allowed = off", "SELECT pg_reload_conf()"],
        wanted: Wanted::Refused("credcheck.encrypted_password_allowed is off"),
        after: &["ALTER SYSTEM SET credcheck.encrypted_password_allowed = on", "SELECT pg_reload_conf()"],
        ..PLAIN
    },
    Case {
        name: "credcheck takes no hashes, with an administrator",
        given: &["ALTER SYSTEM SET credcheck.encrypted_password_allowed = off", "SELECT pg_reload_conf()"],
        admin: true,
        wanted: Wanted::Refused("credcheck.encrypted_password_allowed is off"),
        after: &["ALTER SYSTEM SET credcheck.encrypted_password_allowed = on", "SELECT pg_reload_conf()"],
        ..PLAIN
    },
    Case {
        name: "credcheck lets no role change its password",
        given: &["ALTER SYSTEM SET credcheck.disallow_change_password = on", "SELECT pg_reload_conf()"],
        wanted: Wanted::Refused("lets no role change its password"),
        after: &["ALTER SYSTEM RESET credcheck.disallow_change_password", "SELECT pg_reload_conf()"],
        ..PLAIN
    },
    Case {
        name: "credcheck lets no role change its password, with an administrator",
        given: &["ALTER SYSTEM SET credcheck.disallow_change_password = on", "SELECT pg_reload_conf()"],
        admin: true,
        wanted: Wanted::Refused("lets no role change its password"),
        after: &["ALTER SYSTEM RESET credcheck.disallow_change_password", "SELECT pg_reload_conf()"],
        ..PLAIN
    },
    Case {
        name: "credcheck asks for a new password at the first login",
        given: &[
            "ALTER SYSTEM SET credcheck.password_change_first_login = on",
            "SELECT pg_reload_conf()",
            "CREATE ROLE {u} LOGIN PASSWORD '{p}'",
        ],
        says: "the server lets the role do nothing before its password has been changed",
        after: &["ALTER SYSTEM RESET credcheck.password_change_first_login", "SELECT pg_reload_conf()"],
        ..PLAIN
    },
    Case {
        name: "credcheck bans after one failed login",
        given: ONE_FAILURE,
        place: Place::Quiet,
        wanted: Wanted::Refused(NOT_RESUMABLE),
        after: ANY_FAILURES,
        ..PLAIN
    },
    Case {
        name: "credcheck bans after one failed login, with an administrator",
        given: ONE_FAILURE,
        admin: true,
        place: Place::Quiet,
        says: "banned after 1 failed logins",
        after: ANY_FAILURES,
        ..PLAIN
    },
    Case {
        name: "credcheck bans after one failed login, a wrong stored password, with an administrator",
        given: ONE_FAILURE,
        value: stale,
        admin: true,
        place: Place::Quiet,
        says: "banned after 1 failed logins",
        after: ANY_FAILURES,
        ..PLAIN
    },
    Case {
        name: "credcheck bans after one failed login, and a proxy hides whether the server checks passwords",
        given: ONE_FAILURE,
        value: through_a_relay,
        place: Place::Quiet,
        wanted: Wanted::Refused("only a failed login would prove here"),
        after: ANY_FAILURES,
        ..PLAIN
    },
    Case {
        name: "credcheck bans after one failed login but not this role, and a proxy is in between",
        given: &[
            "ALTER SYSTEM SET credcheck.whitelist_auth_failure = '{u}'",
            "ALTER SYSTEM SET credcheck.max_auth_failure = 1",
            "SELECT pg_reload_conf()",
        ],
        value: through_a_relay,
        place: Place::Quiet,
        after: &[
            "ALTER SYSTEM RESET credcheck.max_auth_failure",
            "ALTER SYSTEM RESET credcheck.whitelist_auth_failure",
            "SELECT pg_reload_conf()",
        ],
        ..PLAIN
    },
    Case {
        name: "credcheck sets VALID UNTIL",
        given: &["ALTER SYSTEM SET credcheck.password_valid_until = 30", "SELECT pg_reload_conf()"],
        after: &["ALTER SYSTEM RESET credcheck.password_valid_until", "SELECT pg_reload_conf()"],
        ..PLAIN
    },
    Case {
        name: "scram_iterations of the role are kept",
        given: &["ALTER ROLE {u} SET scram_iterations = 20000"],
        keeps: "SCRAM-SHA-256$20000:",
        ..PLAIN
    },
    Case {
        name: "scram_iterations of the role are kept, by the administrator",
        given: &["ALTER ROLE {u} SET scram_iterations = 20000"],
        value: stale,
        admin: true,
        keeps: "SCRAM-SHA-256$20000:",
        ..PLAIN
    },
    Case {
        name: "the iterations of the verifier are kept, by an administrator that has others",
        given: &["SET scram_iterations = 20000; CREATE ROLE {u} LOGIN PASSWORD '{p}'; \
             ALTER ROLE keeper SET scram_iterations = 300000"],
        value: stale,
        admin: true,
        keeps: "SCRAM-SHA-256$20000:",
        after: &["ALTER ROLE keeper RESET scram_iterations"],
        ..PLAIN
    },
    Case {
        name: "scram_iterations that the driver does not log in with",
        given: &["ALTER ROLE {u} SET scram_iterations = 150000"],
        says: "the most that this function's driver logs in with",
        keeps: "SCRAM-SHA-256$100000:",
        ..PLAIN
    },
    Case {
        name: "a verifier that the driver does not log in with",
        given: &["SET scram_iterations = 150000; CREATE ROLE {u} LOGIN PASSWORD '{p}'"],
        place: Place::Elsewhere,
        wanted: Wanted::Refused("with more than 100000 iterations"),
        ..PLAIN
    },
    Case {
        name: "a verifier that the driver does not log in with, with an administrator",
        given: &["SET scram_iterations = 150000; CREATE ROLE {u} LOGIN PASSWORD '{p}'"],
        admin: true,
        place: Place::Elsewhere,
        wanted: Wanted::Refused("with more than 100000 iterations"),
        ..PLAIN
    },
    Case {
        name: "transactions are ended at once",
        given: &["ALTER ROLE {u} SET transaction_timeout = 1; ALTER ROLE {u} SET idle_session_timeout = 1"],
        ..PLAIN
    },
    Case {
        name: "password_encryption is md5 under an md5 rule: the kind is kept",
        given: &[
            "SET password_encryption = 'md5'; CREATE ROLE hashed LOGIN PASSWORD '{p}'; ALTER ROLE hashed SET password_encryption = 'md5'",
        ],
        value: |value, _| value["username"] = "hashed".into(),
        says: "may write it down (log_statement = all)",
        keeps: "md5",
        ..PLAIN
    },
    Case {
        name: "PgBouncer in host and port",
        value: through_the_pooler,
        wanted: Wanted::Refused("name the database itself in rotation_host"),
        ..PLAIN
    },
    Case {
        name: "PgBouncer in host and port, the server in rotation_host",
        value: beside_the_pooler,
        says: "auth_file of PgBouncer",
        ..PLAIN
    },
];

const ONE_FAILURE: &[&str] = &["ALTER SYSTEM SET credcheck.max_auth_failure = 1", "SELECT pg_reload_conf()"];

const ANY_FAILURES: &[&str] = &["ALTER SYSTEM RESET credcheck.max_auth_failure", "SELECT pg_reload_conf()"];

struct Met {
    rows: BTreeMap<usize, [String; 3]>,
    failures: Vec<String>,
}

/// A server with an administrator.
struct Scene {
    database: Database,
    _relay: Passage,
    _proxy: GreetingProxy,
    extra: Extra,
    limits: Limits,
}

impl Scene {
    async fn new(database: Database, pooler: u16) -> Self {
        database.log_into_files().await.unwrap();
        database.create_login("keeper", KEEPER).await.unwrap();
        let rights = match database.engine() {
            Engine::PostgreSql => "ALTER ROLE keeper SUPERUSER",
            Engine::MySql | Engine::MariaDb => "GRANT ALL ON *.* TO keeper@'%' WITH GRANT OPTION",
        };
        database.execute(rights).await.unwrap();
        let own = match &database {
            Database::PostgreSql(server) => server.client_certificate(),
            Database::MySql(server) => server.client_certificate(),
        };
        let (certificate, key) = own.map(|(one, other)| (one.to_owned(), other.to_owned())).unwrap_or_default();
        let relay = Passage::to(database.port()).await;
        let proxy = GreetingProxy::before(database.port()).await;
        let (relayed, proxied, port) = (relay.port(), proxy.port(), database.port());
        let extra = Extra { certificate, key, pooler, relay: relayed, proxy: proxied, port };
        Self { database, _relay: relay, _proxy: proxy, extra, limits: Limits::default() }
    }

    async fn run(&self, statements: &[&str], user: &str) {
        for statement in statements {
            let (limit, no_limit) = match self.database.engine() {
                Engine::MariaDb => ("SET GLOBAL max_password_errors = 2", "SET GLOBAL max_password_errors = DEFAULT"),
                _ => ("ALTER USER {u}@'%' FAILED_LOGIN_ATTEMPTS 2 PASSWORD_LOCK_TIME 1", "DO 1"),
            };
            let sql = statement.replace("{two-failed-logins}", limit).replace("{any-failed-logins}", no_limit);
            let [ends_at_once, set_long_ago, warns_first] = match self.database.engine() {
                Engine::MariaDb => [
                    "SET GLOBAL disconnect_on_expired_password = 1, GLOBAL default_password_lifetime = 30",
                    "UPDATE mysql.global_priv SET priv = JSON_SET(priv, '$.password_last_changed', 1000000000) \
                     WHERE user = '{u}'",
                    "SET GLOBAL disconnect_on_expired_password = 0, GLOBAL default_password_lifetime = 0",
                ],
                _ => [
                    "SET GLOBAL default_password_lifetime = 30",
                    "UPDATE mysql.user SET password_last_changed = '2001-09-09' WHERE user = '{u}'",
                    "SET GLOBAL default_password_lifetime = 0",
                ],
            };
            let sql = sql.replace("{ends-at-once}", ends_at_once).replace("{set-long-ago}", set_long_ago);
            let sql = sql.replace("{warns-first}", warns_first).replace("{u}", user).replace("{p}", START);
            self.database.execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    /// Runs one case and returns what the dry run and the rotation said.
    async fn case(&self, case: &Case, user: &str) -> Result<[String; 2], String> {
        let creates = ["CREATE USER {u}@", "CREATE ROLE {u} ", "IDENTIFIED VIA"];
        if !case.given.iter().any(|sql| creates.iter().any(|words| sql.contains(words))) {
            self.database.create_login(user, START).await.unwrap();
        }
        self.run(case.given, user).await;
        let mut value = self.database.value(user, START);
        (case.value)(&mut value, &self.extra);
        let secret = MemorySecret::default();
        if let Some(change) = case.previous {
            let mut previous = self.database.value(user, START);
            change(&mut previous, &self.extra);
            secret.add(&previous, stage::PREVIOUS);
        }
        secret.add(&value, stage::CURRENT);
        let mut keeper = self.database.value("keeper", KEEPER);
        (case.keeper)(&mut keeper, &self.extra);
        secret.add_admin("keeper", &keeper);
        let trial = Trial {
            database: &self.database,
            secret: &secret,
            event: event(case),
            adapters: SqlDatabases::new(Limits {
                login: Duration::from_secs(case.patience),
                change: Duration::from_secs(case.change),
            }),
            place: case.place,
            password: START,
            further: &[KEEPER],
        };
        let outcome = match trial.run().await {
            Ok(outcome) => {
                check(case, &outcome).map_err(|what| format!("{what}: {}", outcome.said())).map(|()| outcome)
            }
            Err(what) => Err(what),
        };
        self.run(case.after, user).await;
        outcome.map(|outcome| [outcome.foretold(), outcome.said()])
    }

    /// Runs cases that stand in no table.
    async fn run_each(&self, part: &str, cases: impl Iterator<Item = &Case>) {
        let mut failures = Vec::new();
        for (number, case) in cases.enumerate() {
            if let Err(what) = self.case(case, &format!("s{number}")).await {
                failures.push(format!("{part}, {}: {what}", case.name));
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }

    /// Rotates accounts whose passwords somebody has chosen.
    async fn old_passwords(&self) {
        let signs: String = (' '..='~').collect();
        let mut all = vec![signs, " blanks at both ends ".into(), "tab\tand\nline feed".into(), "密码 ünï Ⅸ".into()];
        all.push("x".repeat(250));
        // MySQL takes no more than 256 bytes.
        if self.database.engine() != Engine::MySql {
            all.push("y".repeat(1000));
        }
        for (number, password) in all.iter().enumerate() {
            let user = format!("old{number}");
            self.database.create_login(&user, password).await.unwrap();
            let secret = MemorySecret::default();
            secret.add(&self.database.value(&user, password), stage::CURRENT);
            let trial = Trial {
                database: &self.database,
                secret: &secret,
                event: event(&PLAIN),
                adapters: SqlDatabases::new(self.limits),
                place: Place::Here,
                password,
                further: &[KEEPER],
            };
            let outcome = trial.run().await.unwrap_or_else(|what| panic!("{password:?}: {what}"));
            assert!(outcome.done.is_ok(), "{password:?}: {}", outcome.said());
        }
    }

    /// Credcheck bans a role after its second failed login: a dry run is no more than one, and a rotation says what it was.
    async fn a_dry_run_makes_one_login_that_is_refused_at_most(&self) {
        self.database.create_login("counted", START).await.unwrap();
        let secret = MemorySecret::default();
        let value = |password: &str| self.database.value("counted", password);
        secret.add(&value("Not-the-first-one-8"), stage::PREVIOUS);
        secret.add(&value("Not-the-password-9"), stage::CURRENT);
        let bans_after = async |failures: &str| {
            let limit = format!("ALTER SYSTEM SET credcheck.max_auth_failure = {failures}");
            self.run(&[&limit, "SELECT pg_reload_conf()"], "counted").await;
        };
        let look = async || {
            let deadline = Instant::now() + Duration::from_secs(60);
            dry_run(&event(&PLAIN), &secret, &SqlDatabases::new(self.limits), &mut SysRng, deadline).await
        };
        let logs_in = async || Place::Quiet.logs_in(&self.database, "counted", START).await;
        bans_after("2").await;
        let foretold = look().await.error_msg.unwrap();
        assert!(foretold.contains("A rotation would try SYSPREVIOUS as well"), "{foretold}");
        assert_eq!(logs_in().await, Some(true), "a second refusal would have been the last");
        // Without an administrator nobody can say beforehand that one is too many.
        bans_after("1").await;
        let foretold = look().await.error_msg.unwrap();
        assert!(foretold.contains("the account is locked"), "{foretold}");
        assert!(foretold.contains("pg_banned_role_reset"), "{foretold}");
        self.database.execute("SELECT pg_banned_role_reset('counted')").await.unwrap();
        assert_eq!(logs_in().await, Some(true));
        self.run(ANY_FAILURES, "counted").await;
    }

    /// Runs all cases and writes down what was met.
    async fn run_all(&self, part: &str, more: &str, cases: impl Iterator<Item = &Case>) {
        let mut met = Met { rows: BTreeMap::new(), failures: Vec::new() };
        for (number, case) in cases.enumerate() {
            let user = format!("u{number}");
            let [foretold, said] = match self.case(case, &user).await {
                Ok(met) => met,
                Err(what) => {
                    met.failures.push(format!("{part}, {}: {what}", case.name));
                    continue;
                }
            };
            let Extra { port, pooler, relay, proxy, .. } = self.extra;
            let ports: Vec<String> = [port, pooler, relay, proxy].map(|port| format!(":{port}")).into();
            let plain = |text: &str| {
                let text = text.replace(&user, "app").replace('|', "/");
                ports.iter().filter(|port| *port != ":0").fold(text, |text, port| text.replace(port.as_str(), ":PORT"))
            };
            met.rows.insert(number, [case.name.to_owned(), plain(&foretold), plain(&said)]);
        }
        assert!(met.failures.is_empty(), "{}", met.failures.join("\n"));
        self.old_passwords().await;
        let heads = ["case", "dry run", "rotation"].map(str::to_owned);
        let rows: Vec<_> = met.rows.into_values().map(|row| row.to_vec()).collect();
        let version = self.database.version().await.unwrap();
        tables::check_rows(part, &format!("\nMet: {version}{more}\n\n{}\n", tables::print(&heads, &rows)));
    }
}

/// What the function is invoked with.
fn event(case: &Case) -> RotationEvent {
    let mut config = r#"{"InstanceId":"i","SecretSubType":"SingleUser""#.to_owned();
    if case.admin {
        config.push_str(r#","AdminSecret":"keeper""#);
    }
    if let Some(host) = case.host {
        write!(config, r#","Host":"{host}""#).unwrap();
    }
    config.push('}');
    let event = RotationEvent::new(SecretName::parse("db").unwrap(), RotationMode::SingleUser);
    RotationEvent { rotation_config: Some(RotationConfig::parse(&config).unwrap()), ..event }
}

/// Whether it is what the case wants.
fn check(case: &Case, outcome: &Outcome) -> Result<(), String> {
    let shown = format!("{} {}", outcome.report.account.clone().unwrap_or_default(), outcome.report.missing.join("; "));
    if !shown.contains(case.says) {
        return Err(format!("the dry run does not say {:?}: {shown}", case.says));
    }
    match (case.wanted, &outcome.done) {
        (Wanted::Rotates, Ok(_)) => {
            let Some(hash) = outcome.changed.values().next().filter(|hash| !hash.starts_with(case.keeps)) else {
                return Ok(());
            };
            let kind: Vec<_> = hash.split(['$', ':']).take(2).collect();
            Err(format!("the kind of the hash is not kept: {}", kind.join("$")))
        }
        (Wanted::Refused(words), Err(failure)) => {
            if !failure.message.english().contains(words) {
                return Err(format!("it does not say {words:?}"));
            }
            if !outcome.changed.is_empty() {
                return Err(format!("refused, and all the same changed {:?}", outcome.changed.keys()));
            }
            Ok(())
        }
        (Wanted::Fails(words), Err(failure)) if failure.message.english().contains(words) => Ok(()),
        (wanted, _) => Err(format!("wanted {wanted:?}")),
    }
}

#[test]
fn every_engine_is_there() {
    for recipe in roots::ALL {
        recipe.root().unwrap();
    }
}

async fn mysql_family(release: Release, part: &str, own: impl Iterator<Item = &Case>) {
    let setup = mysql::Setup { tls: TlsMode::Offered, ..mysql::Setup::new(release) };
    let Some(server) = roots::if_provided(MySqlServer::start_with(setup).await).unwrap() else { return };
    let scene = Scene::new(Database::MySql(server), 0).await;
    scene.run_all(part, "", FAMILY.iter().chain(own)).await;
    scene.run_each(part, MENDED.iter()).await;
}

#[tokio::test]
async fn mysql() {
    mysql_family(Release::MySql, "mysql", MYSQL.iter()).await;
}

#[tokio::test]
async fn mariadb_of_the_machine() {
    mysql_family(Release::MariaDb, "mariadb", MARIADB.iter()).await;
}

#[tokio::test]
async fn newer_mariadb() {
    mysql_family(Release::NewerMariaDb, "newer mariadb", MARIADB.iter().chain(NEWER_MARIADB)).await;
}

async fn settings_of_sessions(release: Release, own: &[Case]) {
    let log: &[&str] = if release == Release::MySql { &[] } else { &["--log-bin=binlog", "--server-id=1"] };
    let resolving: &[&str] = &["--skip-name-resolve=OFF"];
    for (arguments, cases) in [(log, [SESSIONS, own].concat()), (resolving, RESOLVED.to_vec())] {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let setup = mysql::Setup { tls: TlsMode::Offered, arguments, ..mysql::Setup::new(release) };
        let Some(server) = roots::if_provided(MySqlServer::start_with(setup).await).unwrap() else { return };
        let scene = Scene::new(Database::MySql(server), 0).await;
        scene.run_each(&format!("{release:?}"), cases.iter()).await;
    }
}

#[tokio::test]
async fn no_setting_of_mysql_for_sessions_changes_what_is_done() {
    settings_of_sessions(Release::MySql, MYSQL_SESSIONS).await;
}

#[tokio::test]
async fn no_setting_of_mariadb_for_sessions_changes_what_is_done() {
    settings_of_sessions(Release::MariaDb, MARIADB_SESSIONS).await;
}

#[tokio::test]
async fn no_setting_of_a_newer_mariadb_for_sessions_changes_what_is_done() {
    settings_of_sessions(Release::NewerMariaDb, MARIADB_SESSIONS).await;
}

/// A rule for a role that has to show a certificate as well.
const CERTIFIED: &str = "hostssl all certified 127.0.0.1/32 scram-sha-256 clientcert=verify-ca";

/// The same for a role of which the certificate has to bear the name.
const NAMED: &str = "hostssl all named 127.0.0.1/32 scram-sha-256 clientcert=verify-full";

/// Rules for roles that are let in otherwise than by a password over any connection.
const OTHERWISE: [&str; 8] = [
    "host all texted 127.0.0.1/32 password",
    "host all rejected 127.0.0.1/32 reject",
    "host all identified 127.0.0.1/32 ident",
    "hostssl all encrypted 127.0.0.1/32 scram-sha-256",
    "hostnossl all encrypted 127.0.0.1/32 reject",
    "host all trusted 127.0.0.1/32 trust",
    "hostssl all halved 127.0.0.1/32 md5",
    "hostnossl all halved 127.0.0.1/32 scram-sha-256",
];

fn rules(more: &[&str]) -> Vec<String> {
    OTHERWISE.iter().chain(more).map(|rule| (*rule).to_owned()).collect()
}

/// A rule for roles that old drivers log in as, and newer ones as well.
const HASHED: &str = "host all hashed,mixed,keeper 127.0.0.1/32 md5";

#[tokio::test]
async fn postgresql_of_the_machine() {
    let setup = postgres::Setup {
        tls: TlsMode::Offered,
        rules: rules(&[CERTIFIED, NAMED, HASHED]),
        settings: vec!["log_statement=all".into()],
        ..postgres::Setup::default()
    };
    let scene = Scene::new(Database::PostgreSql(Postgres::start_with(setup).await.unwrap()), 0).await;
    scene.run_all("postgresql", "", POSTGRESQL.iter().chain(OLDER_POSTGRESQL)).await;
    scene.run_each("postgresql", MENDED_POSTGRESQL.iter().chain([&WITHOUT_PASSWORD])).await;
}

#[tokio::test]
async fn newer_postgresql_with_credcheck_and_pgbouncer() {
    let setup = postgres::Setup {
        release: postgres::Release::Newer,
        tls: TlsMode::Offered,
        rules: rules(&[CERTIFIED, NAMED, HASHED]),
        settings: ["shared_preload_libraries=credcheck", "log_statement=all"].map(str::to_owned).into(),
    };
    let Some(server) = roots::if_provided(Postgres::start_with(setup).await).unwrap() else { return };
    let Some(pooler) = roots::if_provided(PgBouncer::start(&server, &pgbouncer::Setup::default()).await).unwrap()
    else {
        return;
    };
    server.execute("CREATE EXTENSION credcheck").await.unwrap();
    server.execute("ALTER SYSTEM SET credcheck.encrypted_password_allowed = on").await.unwrap();
    server.execute("SELECT pg_reload_conf()").await.unwrap();
    let (port, version) = (pooler.port(), pooler.version().to_owned());
    let scene = Scene::new(Database::PostgreSql(server), port).await;
    let more = format!(", credcheck, PgBouncer {version}");
    scene.run_all("newer postgresql", &more, POSTGRESQL.iter().chain(NEWER_POSTGRESQL)).await;
    scene.run_each("newer postgresql", MENDED_POSTGRESQL.iter().chain([&WITHOUT_PASSWORD])).await;
    scene.a_dry_run_makes_one_login_that_is_refused_at_most().await;
}
