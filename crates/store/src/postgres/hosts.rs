//! Connects to the first of several servers that takes writes.
//!
//! The driver limits how long a server may take to accept a connection, and not how long it may say nothing on it. A server
//! that has frozen would keep this program from the others.

use std::{error::Error as _, future::Future, io, net::IpAddr, pin::Pin, time::Duration};

use deadpool_postgres::Connect;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::lookup_host,
    task::JoinHandle,
    time::timeout,
};
use tokio_postgres::{
    Client, Config, Connection, Error, Socket,
    config::{Host, LoadBalanceHosts},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long each address of each server but the last may take until a session on it is ready.
pub(super) const EACH: Duration = Duration::from_secs(3);

/// The servers of an address that names several, in its order.
pub(super) struct Hosts {
    others: Vec<Config>,
    last: Config,
    tls: MakeRustlsConnect,
}

impl Hosts {
    /// `None` for an address with one server, or whose servers are to be taken in any order, or whose lists do not fit each other,
    /// which the driver refuses.
    pub(super) fn several(config: &Config, tls: &MakeRustlsConnect) -> Option<Self> {
        let is_ordered = config.get_load_balance_hosts() == LoadBalanceHosts::Disable && fit(config);
        let mut configs: Vec<_> = (0..number(config)).map(|place| with_host(config, place)).collect();
        let last = configs.pop()?;
        (is_ordered && !configs.is_empty()).then(|| Self { others: configs, last, tls: tls.clone() })
    }
}

/// How many servers an address has.
pub(super) fn number(config: &Config) -> usize {
    config.get_hosts().len().max(config.get_hostaddrs().len())
}

/// Whether every server has its name, its address and its port, as far as there are any.
fn fit(config: &Config) -> bool {
    let servers = number(config);
    let ports = config.get_ports().len();
    [config.get_hosts().len(), config.get_hostaddrs().len()].iter().all(|length| [0, servers].contains(length))
        && (ports < 2 || ports == servers)
}

/// The settings with each address of their server by itself; as they are when it has one, or none can be found.
async fn each_address(config: &Config) -> Vec<Config> {
    let (port, hosts) = (config.get_ports().first().copied().unwrap_or(5432), config.get_hosts());
    let found = match hosts {
        [Host::Tcp(name)] if config.get_hostaddrs().is_empty() => {
            timeout(EACH, lookup_host((name.as_str(), port))).await
        }
        _ => return vec![config.clone()],
    };
    let addresses: Vec<_> = found.ok().and_then(Result::ok).into_iter().flatten().map(|found| found.ip()).collect();
    if addresses.is_empty() { vec![config.clone()] } else { at(config, &addresses) }
}

/// The settings with each of these addresses of their server. A certificate is still compared with its name.
fn at(config: &Config, addresses: &[IpAddr]) -> Vec<Config> {
    let at = |address: &IpAddr| {
        let mut config = config.clone();
        config.hostaddr(*address);
        config
    };
    addresses.iter().map(at).collect()
}

/// Whether a server was reached and takes no writes, as the driver says it.
fn takes_no_writes(error: &Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::PermissionDenied)
}

/// The settings with one of their servers alone.
fn with_host(all: &Config, place: usize) -> Config {
    let mut one = Config::new();
    if let Some(host) = all.get_hosts().get(place) {
        match host {
            Host::Tcp(name) => one.host(name),
            Host::Unix(path) => one.host_path(path),
        };
    }
    if let Some(address) = all.get_hostaddrs().get(place) {
        one.hostaddr(*address);
    }
    if let Some(port) = all.get_ports().get(place).or(all.get_ports().first()) {
        one.port(*port);
    }
    if let Some(user) = all.get_user() {
        one.user(user);
    }
    if let Some(password) = all.get_password() {
        one.password(password);
    }
    if let Some(database) = all.get_dbname() {
        one.dbname(database);
    }
    if let Some(options) = all.get_options() {
        one.options(options);
    }
    if let Some(name) = all.get_application_name() {
        one.application_name(name);
    }
    if let Some(limit) = all.get_connect_timeout() {
        one.connect_timeout(*limit);
    }
    if let Some(limit) = all.get_tcp_user_timeout() {
        one.tcp_user_timeout(*limit);
    }
    if let Some(interval) = all.get_keepalives_interval() {
        one.keepalives_interval(interval);
    }
    if let Some(retries) = all.get_keepalives_retries() {
        one.keepalives_retries(retries);
    }
    one.keepalives(all.get_keepalives()).keepalives_idle(all.get_keepalives_idle());
    one.ssl_mode(all.get_ssl_mode()).ssl_negotiation(all.get_ssl_negotiation());
    one.channel_binding(all.get_channel_binding()).target_session_attrs(all.get_target_session_attrs());
    one.load_balance_hosts(all.get_load_balance_hosts());
    one
}

/// What [`Connect`] returns.
type Connected<'c> = Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + 'c>>;

impl Connect for Hosts {
    fn connect(&self, _: &Config) -> Connected<'_> {
        Box::pin(async move {
            let mut first = None;
            for server in &self.others {
                for config in each_address(server).await {
                    match timeout(EACH, config.connect(self.tls.clone())).await {
                        Ok(Ok((client, connection))) => return Ok((client, spawn(connection))),
                        Ok(Err(error)) if !takes_no_writes(&error) => first = first.or(Some(error)),
                        Ok(Err(_)) | Err(_) => {}
                    }
                }
            }
            match self.last.connect(self.tls.clone()).await {
                Ok((client, connection)) => Ok((client, spawn(connection))),
                // A standby that takes no writes does not say why the primary cannot be used.
                Err(error) if takes_no_writes(&error) => Err(first.unwrap_or(error)),
                Err(error) => Err(error),
            }
        })
    }
}

/// Runs a connection until it ends. Requests on it report why it ended.
fn spawn<T>(connection: Connection<Socket, T>) -> JoinHandle<()>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move { drop(connection.await) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_is_asked_with_all_other_settings() {
        let address = "host=one,two hostaddr=127.0.0.1,127.0.0.2 port=1,2 user=u password=p dbname=d options=o \
             application_name=a connect_timeout=3 tcp_user_timeout=4 keepalives=0 keepalives_idle=5 keepalives_interval=6 \
             keepalives_retries=7 sslmode=require channel_binding=require target_session_attrs=read-write";
        let all: Config = address.parse().unwrap();
        let one = |host: &str, number: &str| {
            let one = address.replace("one,two", host);
            one.replace("127.0.0.1,127.0.0.2", &format!("127.0.0.{number}")).replace("=1,2", &format!("={number}"))
        };
        for (place, expected) in [one("one", "1"), one("two", "2")].into_iter().enumerate() {
            assert_eq!(with_host(&all, place), expected.parse().unwrap());
        }
    }

    #[test]
    fn lists_that_do_not_fit_each_other_are_left_to_the_driver_which_refuses_them() {
        let fits = |address: &str| fit(&address.parse().unwrap());
        assert!(fits("host=one,two port=1,2") && fits("host=one,two port=1") && fits("host=one,two"));
        assert!(fits("hostaddr=127.0.0.1,127.0.0.2") && fits("postgres://one,two:2/csms"));
        assert!(!fits("host=one,two,three port=1,2"));
        assert!(!fits("host=one,two hostaddr=127.0.0.1"));
    }

    #[test]
    fn each_address_of_a_name_is_asked_by_itself_under_that_name() {
        let one: Config = "host=one port=1 user=u".parse().unwrap();
        let addresses = [[127, 0, 0, 1], [127, 0, 0, 2]].map(IpAddr::from);
        let expected: [Config; 2] = ["127.0.0.1", "127.0.0.2"]
            .map(|address| format!("host=one hostaddr={address} port=1 user=u").parse().unwrap());
        assert_eq!(at(&one, &addresses), expected);
    }
}
