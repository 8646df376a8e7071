//! Where an application logs in, without the adapters under test: it may be let in where a rotation is not.

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a test support module")]

use csms_testbed::{Transport, mysql, postgres};

use crate::{Database, Passage};

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
    /// Somewhere that a test cannot be.
    Elsewhere,
}

impl Place {
    /// Whether the application logs in during a rotation too.
    #[must_use]
    pub const fn is_busy(self) -> bool {
        matches!(self, Self::Here | Self::At(_) | Self::WithCertificate)
    }

    /// Whether the server lets the application in.
    pub async fn logs_in(self, database: &Database, user: &str, password: &str) -> bool {
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
        match (self, database) {
            (Self::Elsewhere, _) => true,
            (Self::At(address), Database::MySql(server)) => {
                let passage = Passage::from_address(address, server.port()).await;
                let through = server.can_log_in_through(passage.port(), &transport, user, password, mysql::DATABASE);
                through.await.expect("the server answers")
            }
            (_, Database::MySql(server)) => {
                server.can_log_in_over(&transport, user, password, mysql::DATABASE).await.expect("the server answers")
            }
            (_, Database::PostgreSql(server)) => server
                .can_log_in_over(&transport, user, password, postgres::DATABASE)
                .await
                .expect("the server answers"),
        }
    }
}
