//! Where an application logs in, without the adapters under test: it may be let in where a rotation is not.

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a test support module")]

use csms_testbed::{Transport, postgres};

use crate::{Database, Passage};

/// The database that applications of MySQL and MariaDB connect to: it needs no privilege, so a refusal is one of the login.
const OPEN_TO_ALL: &str = "information_schema";

/// The place of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this machine, logging in all the time.
    Here,
    /// On this machine, logging in before and after the rotation alone: refused logins would lock the account, or logins
    /// are limited.
    Quiet,
    /// At another address of the loopback network, all the time.
    At(&'static str),
    /// On this machine, with the certificate of a client, all the time.
    WithCertificate,
    /// Somewhere that a test cannot be, or with a plugin that its drivers do not know. What the server keeps of the account
    /// says whether the application is still let in.
    Elsewhere,
}

impl Place {
    /// Whether the application logs in during a rotation too.
    #[must_use]
    pub const fn is_busy(self) -> bool {
        matches!(self, Self::Here | Self::At(_) | Self::WithCertificate)
    }

    /// Whether the server lets the application in; `None` where that cannot be tried.
    pub async fn logs_in(self, database: &Database, user: &str, password: &str) -> Option<bool> {
        let authority = database.authority().map(str::to_owned);
        let plain_or_tls = authority.clone().map_or(Transport::Plain, Transport::Tls);
        let transport = match self {
            Self::WithCertificate => {
                let own = match database {
                    Database::PostgreSql(server) => server.client_certificate(),
                    Database::MySql(server) => server.client_certificate(),
                };
                let (certificate, key) = own.expect("a server with certificates");
                Transport::Mutual {
                    authority: authority.expect("a server with certificates"),
                    certificate: certificate.to_owned(),
                    key: key.to_owned(),
                }
            }
            _ => plain_or_tls,
        };
        let answer = match (self, database) {
            (Self::Elsewhere, _) => return None,
            (Self::At(address), Database::MySql(server)) => {
                let passage = Passage::from_address(address, server.port()).await;
                server.can_log_in_through(passage.port(), &transport, user, password, OPEN_TO_ALL).await
            }
            (_, Database::MySql(server)) => server.can_log_in_over(&transport, user, password, OPEN_TO_ALL).await,
            (_, Database::PostgreSql(server)) => {
                server.can_log_in_over(&transport, user, password, postgres::DATABASE).await
            }
        };
        Some(answer.expect("the server answers"))
    }
}
