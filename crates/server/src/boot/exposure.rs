//! Warns at the start about settings that expose data: unencrypted traffic that leaves the machine, and files with secrets that
//! other users can read.
//!
//! It refuses nothing; invalid settings are refused where they are read.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use axum::http::Uri;

use super::settings::Settings;

/// A warning for each setting that exposes something, in words for the operator.
#[must_use]
pub fn warnings(settings: &Settings) -> Vec<String> {
    let listening = (settings.port.tls.is_none() && leaves_the_machine(settings.listen)).then(|| {
        format!(
            "listening on {} in clear text: whoever is on the network can read values and tokens; set tls_cert and tls_key, \
             or listen on a loopback address behind a proxy with TLS",
            settings.listen
        )
    });
    let endpoints = [
        ("functiongraph_endpoint", settings.functiongraph.as_ref().map(|endpoint| &endpoint.url)),
        ("smn_endpoint", settings.smn.as_ref().map(|endpoint| &endpoint.url)),
        ("public_url", settings.public_url.as_ref()),
    ];
    let endpoints = endpoints.into_iter().filter_map(|(name, url)| Some((name, url.filter(|url| is_exposed(url))?)));
    let endpoints = endpoints
        .map(|(name, url)| format!("{name} {url} is clear text that leaves the machine; use an https:// address"));
    let files = settings.secret_files.iter().filter(|(_, path)| is_public(path));
    let files = files.map(|(name, path): &(&str, PathBuf)| {
        format!("everybody on this machine can read {name} {}; run chmod 600 on it", path.display())
    });
    let sink = settings.audit_sink.as_ref().filter(|sink| sink.is_exposed());
    let sink = sink.map(|sink| format!("audit_sink {sink} is clear text that leaves the machine; use syslog+tls:"));
    listening.into_iter().chain(endpoints).chain(sink).chain(files).collect()
}

fn leaves_the_machine(address: SocketAddr) -> bool {
    !address.ip().to_canonical().is_loopback()
}

/// Whether an address is plain HTTP to somewhere else.
fn is_exposed(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    let is_here = address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback());
    uri.scheme_str().is_some_and(|scheme| scheme.eq_ignore_ascii_case("http")) && !is_here
}

fn is_public(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::boot::settings::Flags;

    fn of(flags: Flags) -> Vec<String> {
        warnings(&flags.settle().unwrap())
    }

    #[test]
    fn a_server_for_its_own_machine_exposes_nothing() {
        assert_eq!(of(Flags::default()), Vec::<String>::new());
        let url = Some("http://localhost:7070".to_owned());
        assert_eq!(of(Flags { public_url: url, ..Flags::default() }), Vec::<String>::new());
    }

    #[test]
    fn clear_text_that_leaves_the_machine_is_said_and_tls_is_not() {
        let listen = Some(([0, 0, 0, 0], 7070).into());
        let said = of(Flags {
            listen: listen.clone(),
            public_url: Some("http://csms.internal".to_owned()),
            ..Flags::default()
        });
        assert_eq!(said.len(), 2);
        assert!(said[0].starts_with("listening on 0.0.0.0:7070 in clear text"), "{said:?}");
        assert!(said[1].starts_with("public_url http://csms.internal"), "{said:?}");
        let pem = || Some(Path::new("server.pem").to_owned());
        let url = Some("https://csms.internal".to_owned());
        let flags = Flags { listen, tls_cert: pem(), tls_key: pem(), public_url: url, ..Flags::default() };
        assert_eq!(of(flags), Vec::<String>::new());
    }

    #[test]
    fn a_trail_that_leaves_the_machine_in_clear_text_is_said() {
        let sink = |text: &str| of(Flags { audit_sink: Some(text.parse().unwrap()), ..Flags::default() });
        assert!(
            sink("syslog:logs.example.com:514")[0].starts_with("audit_sink syslog:logs.example.com:514 is clear text")
        );
        assert_eq!(sink("syslog+tls:logs.example.com:6514"), Vec::<String>::new());
    }

    #[test]
    fn a_file_with_a_secret_that_everybody_can_read_is_said() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "a signing key of webhooks").unwrap();
        let flags = || Flags { webhook_secret_file: Some(file.path().to_owned()), ..Flags::default() };
        assert_eq!(of(flags()), Vec::<String>::new());
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        let said = of(flags());
        assert!(said.len() == 1 && said[0].contains("webhook_secret_file"), "{said:?}");
    }
}
