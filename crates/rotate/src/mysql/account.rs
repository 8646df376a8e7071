//! Parses `SHOW CREATE USER` of servers of the MySQL family. Pure.
//!
//! An account may show itself without any privilege. The version string only tells whether the server supports secondary
//! passwords.

use csms_core::rotation::{Tls, plan::Cause};

use super::hash::Hash;

/// How an account can be given another password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// MariaDB with `mysql_native_password`: the server takes the hash, so it and its logs never see the password.
    NativeHash,
    /// MySQL: the server takes the password alone and keeps it out of its logs.
    Alter,
}

/// What the account asks of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Require {
    Nothing,
    Tls,
    Certificate,
    /// A certificate with a subject or of an issuer. Whether a connection meets that only a login shows.
    ParticularCertificate,
    /// A cipher. Whether a connection meets that only a login shows.
    Cipher,
}

/// An account as `SHOW CREATE USER` describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// Name of the account, without its host.
    pub(super) username: String,
    /// The host part.
    pub(super) host: String,
    /// Ways of logging in, with the hash as it is shown. MariaDB may have several.
    pub(super) plugins: Vec<(String, Vec<u8>)>,
    /// What else it asks of every login: the plugins of its second and third factor (MySQL).
    pub(super) further_factors: Vec<String>,
    /// What its clauses say beyond the defaults, a clause each: limits, the history of passwords, `REQUIRE`, default roles.
    pub(super) options: Vec<String>,
    /// How to change its password; `None` when it logs in by something else than a password known here.
    pub(super) method: Option<Method>,
    pub(super) require: Require,
    pub(super) is_locked: bool,
    pub(super) has_expired: bool,
    /// Connections within an hour, where they are limited.
    pub(super) connections_per_hour: Option<u32>,
    /// Statements within an hour, where they are limited.
    pub(super) queries_per_hour: Option<u32>,
    /// Connections at a time, where they are limited.
    pub(super) connections: Option<u32>,
    /// Failed logins that MySQL counts.
    pub(super) failed_logins: Option<u32>,
    /// Whether it locks the account after them, for days or for good.
    pub(super) is_locked_after_them: bool,
}

/// Plugins of MySQL whose passwords `ALTER USER … IDENTIFIED BY` sets and with which the driver logs in.
const MYSQL_PLUGINS: [&str; 2] = ["caching_sha2_password", "mysql_native_password"];

/// Plugins that ask for no password.
const WITHOUT_PASSWORD: [&str; 3] = ["unix_socket", "gssapi", "pam"];

impl Shown {
    /// Reads ``CREATE USER `name`@`host` IDENTIFIED …``. `None` for anything else.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (username, rest) = quoted(text.strip_prefix(b"CREATE USER ")?)?;
        let (host, rest) = quoted(rest.strip_prefix(b"@")?)?;
        let mut words = Words(rest);
        let mut shown = Self {
            username: String::from_utf8(username).ok()?,
            host: String::from_utf8(host).ok()?,
            plugins: Vec::new(),
            further_factors: Vec::new(),
            options: Vec::new(),
            method: None,
            require: Require::Nothing,
            is_locked: false,
            has_expired: false,
            connections_per_hour: None,
            queries_per_hour: None,
            connections: None,
            failed_logins: None,
            is_locked_after_them: false,
        };
        let is_mariadb = shown.read_plugins(&mut words)?;
        shown.method = shown.method_of(is_mariadb);
        shown.read_options(words);
        Some(shown)
    }

    /// Reads the ways of logging in and returns whether they are written as MariaDB does.
    fn read_plugins(&mut self, words: &mut Words<'_>) -> Option<bool> {
        let mut ahead = words.clone();
        if ahead.next() != Some(Word::Plain("IDENTIFIED")) {
            return Some(false);
        }
        *words = ahead;
        match words.next()? {
            Word::Plain("BY") => {
                let (Word::Plain("PASSWORD"), Word::Quoted(hash)) = (words.next()?, words.next()?) else { return None };
                self.plugins.push(("mysql_native_password".to_owned(), hash));
                Some(true)
            }
            Word::Plain("VIA") => loop {
                let Word::Plain(plugin) = words.next()? else { return None };
                let hash = words.optional("USING").unwrap_or_default();
                self.plugins.push((plugin.to_owned(), hash));
                if words.clone().next() != Some(Word::Plain("OR")) {
                    return Some(true);
                }
                words.next();
            },
            Word::Plain("WITH") => {
                let Word::Quoted(plugin) = words.next()? else { return None };
                let hash = words.optional("AS").unwrap_or_default();
                self.plugins.push((String::from_utf8(plugin).ok()?, hash));
                Some(false)
            }
            _ => None,
        }
    }

    fn method_of(&self, is_mariadb: bool) -> Option<Method> {
        if is_mariadb {
            // SET PASSWORD changes the first way of logging in that has a password.
            return self
                .with_password()
                .next()
                .is_some_and(|(name, _)| name == "mysql_native_password")
                .then_some(Method::NativeHash);
        }
        let known = |(name, _): &(String, Vec<u8>)| MYSQL_PLUGINS.contains(&name.as_str());
        self.plugins.iter().any(known).then_some(Method::Alter)
    }

    fn read_options(&mut self, words: Words<'_>) {
        // What follows belongs to the account's owner, and MySQL writes apostrophes in it in a way of its own.
        let owners = |word: &Word<'_>| matches!(word, Word::Plain("ATTRIBUTE" | "COMMENT"));
        let words: Vec<Word<'_>> = words.take_while(|word| !owners(word)).collect();
        self.further_factors = further_factors(&words);
        self.options = options(&words);
        for (index, word) in words.iter().enumerate() {
            let next = words.get(index + 1);
            let number = || match next {
                Some(Word::Plain(digits)) => digits.parse().ok().filter(|number| *number > 0),
                _ => None,
            };
            match (word, next) {
                (Word::Plain("REQUIRE"), Some(Word::Plain("SSL"))) => self.require = Require::Tls,
                (Word::Plain("REQUIRE"), Some(Word::Plain("X509"))) => self.require = Require::Certificate,
                (Word::Plain("REQUIRE"), Some(Word::Plain("SUBJECT" | "ISSUER"))) => {
                    self.require = Require::ParticularCertificate;
                }
                (Word::Plain("REQUIRE"), Some(Word::Plain("CIPHER"))) => self.require = Require::Cipher,
                (Word::Plain("ACCOUNT"), Some(Word::Plain("LOCK"))) => self.is_locked = true,
                // PASSWORD EXPIRE alone; DEFAULT, NEVER and INTERVAL are rules for later.
                (Word::Plain("EXPIRE"), next) => {
                    self.has_expired |= !matches!(next, Some(Word::Plain("DEFAULT" | "NEVER" | "INTERVAL")));
                }
                (Word::Plain("MAX_CONNECTIONS_PER_HOUR"), _) => self.connections_per_hour = number(),
                (Word::Plain("MAX_QUERIES_PER_HOUR"), _) => self.queries_per_hour = number(),
                (Word::Plain("MAX_USER_CONNECTIONS"), _) => self.connections = number(),
                (Word::Plain("FAILED_LOGIN_ATTEMPTS"), _) => self.failed_logins = number(),
                (Word::Plain("PASSWORD_LOCK_TIME"), Some(Word::Plain(days))) => {
                    self.is_locked_after_them = *days != "0";
                }
                _ => {}
            }
        }
    }

    /// `app@%`.
    pub(super) fn full_name(&self) -> String {
        format!("{}@{}", self.username, self.host)
    }

    /// Whether it has to give its old password when it sets a new one (MySQL), where accounts do so that say nothing of it.
    pub(super) fn gives_old_password(&self, by_default: bool) -> bool {
        let says = |clause: &str| self.options.iter().any(|option| option == clause);
        says("PASSWORD REQUIRE CURRENT") || (by_default && !says("PASSWORD REQUIRE CURRENT OPTIONAL"))
    }

    /// Whether it may log in in several ways (MariaDB).
    pub(super) fn has_several(&self) -> bool {
        self.plugins.len() > 1
    }

    /// The names of its ways of logging in.
    pub(super) fn plugin_names(&self) -> String {
        let names: Vec<&str> = self.plugins.iter().map(|(name, _)| name.as_str()).collect();
        let first = names.join(" or ");
        [first].iter().chain(&self.further_factors).map(String::as_str).collect::<Vec<_>>().join(" and ")
    }

    /// Its ways of logging in that have a password.
    fn with_password(&self) -> impl Iterator<Item = &(String, Vec<u8>)> {
        self.plugins.iter().filter(|(name, _)| !WITHOUT_PASSWORD.contains(&name.as_str()))
    }

    /// Whether a way of logging in besides the first one has a password of its own.
    pub(super) fn has_further_passwords(&self) -> bool {
        self.with_password().nth(1).is_some()
    }

    /// Whether a password is the account's first one; `None` when that cannot be told.
    pub(super) fn is_first(&self, password: &str) -> Option<bool> {
        self.with_password().next().and_then(|(plugin, bytes)| Hash { plugin, bytes }.is_of(password))
    }

    /// Whether a password is that of a way of logging in besides the first one; `None` when that cannot be told.
    pub(super) fn is_further(&self, password: &str) -> Option<bool> {
        let of_each = self.with_password().skip(1).map(|(plugin, bytes)| Hash { plugin, bytes }.is_of(password));
        let of_each: Vec<Option<bool>> = of_each.collect();
        if of_each.contains(&Some(true)) {
            return Some(true);
        }
        of_each.iter().all(|is_of| *is_of == Some(false)).then_some(false)
    }

    /// Whether a login with this password may not be the one whose password a change would replace: another way of logging in
    /// has a password of its own.
    pub(super) fn may_replace_another(&self, password: &str) -> bool {
        self.has_further_passwords() && self.is_first(password) != Some(true)
    }

    /// Why it would not let a connection with this protection in, as far as that is shown.
    pub(super) fn barrier(&self, tls: &Tls) -> Option<Cause> {
        let has_identity = matches!(tls, Tls::Verify(trust) if trust.identity.is_some());
        match self.require {
            Require::Nothing => {}
            _ if matches!(tls, Tls::Disable) => return Some(Cause::TlsWanted),
            Require::Certificate | Require::ParticularCertificate if !has_identity => {
                return Some(Cause::CertificateWanted);
            }
            _ => {}
        }
        if self.is_locked {
            return Some(Cause::Locked);
        }
        if self.method.is_none() || !self.further_factors.is_empty() {
            return Some(Cause::Unsupported);
        }
        if self.has_expired {
            return Some(Cause::Expired);
        }
        matches!(self.require, Require::ParticularCertificate | Require::Cipher).then_some(Cause::Barred)
    }
}

/// The plugins in `AND IDENTIFIED WITH 'plugin'`.
fn further_factors(words: &[Word<'_>]) -> Vec<String> {
    let plugin = |window: &[Word<'_>]| match window {
        [Word::Plain("AND"), Word::Plain("IDENTIFIED"), Word::Plain("WITH"), Word::Quoted(plugin)] => {
            Some(String::from_utf8_lossy(plugin).into_owned())
        }
        _ => None,
    };
    words.windows(4).filter_map(plugin).collect()
}

/// The clauses after the ways of logging in, but those that say no more than the default.
fn options(words: &[Word<'_>]) -> Vec<String> {
    let mut clauses: Vec<String> = Vec::new();
    let mut before = "";
    for word in words {
        let text = match word {
            Word::Plain(plain) => (*plain).to_owned(),
            Word::Quoted(text) => format!("'{}'", String::from_utf8_lossy(text)),
        };
        let Word::Plain(plain) = word else {
            push_word(&mut clauses, &text);
            continue;
        };
        let begins = match *plain {
            "REQUIRE" => before != "PASSWORD",
            "PASSWORD" | "ACCOUNT" | "FAILED_LOGIN_ATTEMPTS" | "PASSWORD_LOCK_TIME" | "AND" => true,
            "ROLE" => before == "DEFAULT",
            plain => plain.starts_with("MAX_"),
        };
        match *plain {
            // It introduces limits, and a default role.
            "WITH" => {}
            "ROLE" if begins => clauses.push("DEFAULT ROLE".to_owned()),
            _ if begins => clauses.push(text),
            _ => push_word(&mut clauses, &text),
        }
        before = plain;
    }
    let says_more = |clause: &String| {
        let is_default = clause.ends_with(" DEFAULT")
            || matches!(clause.as_str(), "REQUIRE NONE" | "ACCOUNT UNLOCK")
            || (clause.ends_with(" 0") && !clause.starts_with("PASSWORD "));
        !is_default && !clause.starts_with("AND ")
    };
    clauses.into_iter().filter(says_more).collect()
}

/// Writes a word behind the last clause; what comes before the first one is no option.
fn push_word(clauses: &mut [String], word: &str) {
    let Some(clause) = clauses.last_mut() else { return };
    // The parts of a name stand together.
    if !matches!(word, "@" | ",") && !clause.ends_with('@') {
        clause.push(' ');
    }
    clause.push_str(word);
}

/// Whether the host part of an account admits a client, as the server names clients in `USER()`. A server that resolves names
/// compares the client's address too, and does not say it: then `None` for a host part that may be an address.
pub(super) fn admits(host: &str, client: &str) -> Option<bool> {
    let is_address = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '%' | '_' | '/' | '\\');
    match matches_client(host, client) {
        false if client.parse::<core::net::IpAddr>().is_err() && host.chars().all(is_address) => None,
        is_admitted => Some(is_admitted),
    }
}

/// The host part of the account to which the server takes a client, of all accounts of one name: names and addresses come first,
/// then patterns, the longer their beginning without a wildcard. `None` where there is none, or where that cannot be told.
pub(super) fn reached<'a>(hosts: &'a [String], client: &str) -> Option<&'a str> {
    let mut admitting = Vec::new();
    for host in hosts {
        if admits(host, client)? {
            let rank = match host.find(['%', '_']) {
                _ if host.is_empty() => 0,
                Some(position) => position + 1,
                None => usize::MAX,
            };
            admitting.push((rank, host.as_str()));
        }
    }
    admitting.sort_unstable();
    match admitting.as_slice() {
        [(_, only)] => Some(only),
        // Versions differ in where networks come.
        several if several.iter().any(|(_, host)| host.contains(['/', '\\'])) => None,
        [.., (other, _), (first, _)] if other == first => None,
        [.., (_, first)] => Some(first),
        [] => None,
    }
}

fn matches_client(host: &str, client: &str) -> bool {
    // It admits everybody.
    if host.is_empty() {
        return true;
    }
    if let Some((network, mask)) = host.split_once('/') {
        return in_network(network, mask, client).unwrap_or(false);
    }
    is_like(host.to_ascii_lowercase().as_bytes(), client.to_ascii_lowercase().as_bytes())
}

/// `10.0.0.0/255.0.0.0` (both) or `10.0.0.0/8` (MySQL from 8.0.23 on).
fn in_network(network: &str, mask: &str, client: &str) -> Option<bool> {
    let number = |address: &str| address.parse::<core::net::Ipv4Addr>().ok().map(u32::from);
    let mask = match mask.parse::<u32>() {
        Ok(bits) => u32::MAX.checked_shl(32_u32.checked_sub(bits)?).unwrap_or(0),
        Err(_) => number(mask)?,
    };
    // The server compares the whole network, which no client is in that has further bits set.
    Some(number(client)? & mask == number(network)?)
}

/// SQL's LIKE with `%` and `_`. The server wrote the pattern, so the time grows with the product of the lengths and no more.
fn is_like(mut pattern: &[u8], text: &[u8]) -> bool {
    // Which beginnings of the text, by their lengths, the pattern so far matches.
    let mut matched: Vec<bool> = (0..=text.len()).map(|length| length == 0).collect();
    while let Some((wanted, rest)) = pattern.split_first() {
        pattern = rest;
        if *wanted == b'%' {
            let shortest = matched.iter().position(|matches| *matches).unwrap_or(matched.len());
            matched.iter_mut().skip(shortest).for_each(|matches| *matches = true);
            continue;
        }
        let (mut literal, mut is_any) = (*wanted, *wanted == b'_');
        if let (b'\\', Some((escaped @ (b'_' | b'%'), rest))) = (wanted, pattern.split_first()) {
            (pattern, literal, is_any) = (rest, *escaped, false);
        }
        let longer = matched.iter().zip(text).map(|(matches, byte)| *matches && (is_any || *byte == literal));
        matched = core::iter::once(false).chain(longer).collect();
    }
    matched.last() == Some(&true)
}

/// A word of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word<'a> {
    Plain(&'a str),
    Quoted(Vec<u8>),
}

/// The words of a statement; quoted ones are whole, so that no name and no hash can pass for a clause.
#[derive(Clone)]
struct Words<'a>(&'a [u8]);

impl Words<'_> {
    /// The quoted word after this plain one, if that is what comes next. MySQL may write the hash as a hexadecimal number.
    fn optional(&mut self, before: &str) -> Option<Vec<u8>> {
        let mut ahead = self.clone();
        if ahead.next() != Some(Word::Plain(before)) {
            return None;
        }
        let found = match ahead.next()? {
            Word::Quoted(text) => text,
            Word::Plain(number) => hex::decode(number.strip_prefix("0x")?).ok()?,
        };
        self.0 = ahead.0;
        Some(found)
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let start = self.0.iter().position(|byte| !byte.is_ascii_whitespace())?;
        self.0 = self.0.get(start..)?;
        if let Some((text, rest)) = quoted(self.0) {
            self.0 = rest;
            return Some(Word::Quoted(text));
        }
        let ends = |byte: &u8| byte.is_ascii_whitespace() || is_quote(*byte);
        // A quote that is never closed is a word, too.
        let end = self.0.iter().skip(1).position(ends).map_or(self.0.len(), |more| more + 1);
        let (word, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        Some(Word::Plain(core::str::from_utf8(word).unwrap_or_default()))
    }
}

const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'`' | b'\'' | b'"')
}

/// Takes a name or text off the front; a doubled quote stands for one. `ANSI_QUOTES` makes names stand in double quotes.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (quote, mut rest) = text.split_first().filter(|(quote, _)| is_quote(**quote))?;
    let mut name = Vec::new();
    loop {
        let end = rest.iter().position(|byte| byte == quote)?;
        let (part, after) = rest.split_at_checked(end)?;
        name.extend_from_slice(part);
        let after = after.get(1..)?;
        match after.split_first() {
            Some((next, after)) if next == quote => {
                name.push(*quote);
                rest = after;
            }
            _ => return Some((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use csms_core::rotation::Trust;

    use super::*;

    fn parse(text: &str) -> Shown {
        Shown::parse(text.as_bytes()).unwrap()
    }

    fn method(clause: &str) -> Option<Method> {
        parse(&format!("CREATE USER `app`@`%` {clause}")).method
    }

    #[test]
    fn accounts_of_mariadb_are_recognised() {
        let native = "IDENTIFIED BY PASSWORD '*E1C2E82D442C7906BF1CDAD2903ADF8424DFEEC6' REQUIRE SSL";
        assert_eq!(method(native), Some(Method::NativeHash));
        assert_eq!(parse(&format!("CREATE USER `app`@`%` {native}")).is_first("one1"), Some(true));
        let chain = "IDENTIFIED VIA mysql_native_password USING '*E1' OR unix_socket";
        assert_eq!(method(chain), Some(Method::NativeHash));
        let two = "IDENTIFIED VIA mysql_native_password USING '*E1C2E82D442C7906BF1CDAD2903ADF8424DFEEC6' \
                   OR mysql_native_password USING '*E1'";
        let shown = parse(&format!("CREATE USER `app`@`%` {two}"));
        assert_eq!((shown.is_first("one1"), shown.is_first("two2")), (Some(true), Some(false)));
        assert_eq!(shown.is_further("two2"), None, "this hash has another form");
        assert!(shown.may_replace_another("two2") && !shown.may_replace_another("one1"));
        assert_eq!(method("IDENTIFIED VIA unix_socket OR mysql_native_password USING '*E1'"), Some(Method::NativeHash));
        let ed25519 = "IDENTIFIED VIA ed25519 USING 'WMUT' OR mysql_native_password USING '*E1'";
        assert_eq!(method(ed25519), None);
        let shown = parse(&format!("CREATE USER `app`@`%` {ed25519}"));
        assert_eq!((shown.plugin_names().as_str(), shown.is_first("x")), ("ed25519 or mysql_native_password", None));
    }

    #[test]
    fn several_ways_of_logging_in_are_noticed() {
        assert!(
            parse("CREATE USER `app`@`%` IDENTIFIED VIA mysql_native_password USING '*E1' OR unix_socket")
                .has_several()
        );
        assert!(!parse("CREATE USER `app`@`%` IDENTIFIED BY PASSWORD '* OR '").has_several());
    }

    #[test]
    fn accounts_of_mysql_are_recognised() {
        let sha2 = "IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$x' REQUIRE NONE";
        assert_eq!(method(sha2), Some(Method::Alter));
        assert_eq!(method("IDENTIFIED WITH 'authentication_ldap_sasl' REQUIRE NONE"), None);
        let in_hex = parse("CREATE USER `app`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 0x2441 REQUIRE NONE");
        assert_eq!(in_hex.plugins, [("caching_sha2_password".to_owned(), b"$A".to_vec())]);
    }

    #[test]
    fn names_stand_in_any_quotes() {
        for text in ["CREATE USER \"app\"@\"10.%\" IDENTIFIED BY PASSWORD '*E1'", "CREATE USER 'app'@'10.%'"] {
            assert_eq!(parse(text).full_name(), "app@10.%");
        }
    }

    #[test]
    fn a_host_part_that_is_empty_admits_everybody_and_a_network_of_an_address_nobody() {
        assert_eq!(admits("", "127.0.0.1"), Some(true));
        assert_eq!(admits("127.0.0.0/255.0.0.0", "127.0.0.5"), Some(true));
        assert_eq!(admits("127.0.0.5/255.0.0.0", "127.0.0.5"), Some(false));
    }

    #[test]
    fn the_most_specific_account_of_a_name_is_reached() {
        let of = |hosts: &[&str]| {
            let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            reached(&hosts, "127.0.0.1").map(str::to_owned)
        };
        assert_eq!(of(&["%", "127.%"]).as_deref(), Some("127.%"));
        assert_eq!(of(&["127.0.0.1", "127.0.0.%", "%"]).as_deref(), Some("127.0.0.1"));
        assert_eq!(of(&["", "%"]).as_deref(), Some("%"));
        assert_eq!(of(&["%", "10.%"]).as_deref(), Some("%"));
        assert_eq!(
            of(&["127.0.0.0/255.0.0.0", "10.%"]).as_deref(),
            Some("127.0.0.0/255.0.0.0"),
            "no other admits the client"
        );
        for untold in [&["127.0.0.0/255.0.0.0", "%"][..], &["127.%", "127._.0.1"], &["10.%"], &[]] {
            assert_eq!(of(untold), None, "{untold:?}");
        }
    }

    #[test]
    fn what_only_a_login_could_show_to_be_met_stands_in_the_way() {
        use csms_core::rotation::Trust;
        let of = |clause: &str| {
            parse(&format!("CREATE USER `a`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 'x' REQUIRE {clause}"))
        };
        for clause in ["SUBJECT '/CN=a'", "ISSUER '/CN=ca'", "CIPHER 'TLS_AES_256_GCM_SHA384'"] {
            assert_eq!(of(clause).barrier(&Tls::Disable), Some(Cause::TlsWanted));
        }
        let without_certificate = Tls::Verify(Trust::default());
        assert_eq!(of("SUBJECT '/CN=a'").barrier(&without_certificate), Some(Cause::CertificateWanted));
        assert_eq!(of("CIPHER 'TLS_AES_256_GCM_SHA384'").barrier(&without_certificate), Some(Cause::Barred));
        assert_eq!(of("CIPHER 'x' ACCOUNT LOCK").barrier(&without_certificate), Some(Cause::Locked));
    }

    #[test]
    fn a_name_cannot_pass_for_a_clause() {
        let shown = parse("CREATE USER `a``@``b`` IDENTIFIED BY PASSWORD '`@`%`");
        assert_eq!((shown.username.as_str(), shown.method), ("a`@`b` IDENTIFIED BY PASSWORD '", None));
        assert_eq!(Shown::parse(b"CREATE USER `app"), None);
        assert_eq!(Shown::parse(b"GRANT"), None);
    }

    #[test]
    fn what_an_account_asks_for_is_read() {
        let text = "CREATE USER `a`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 'ACCOUNT LOCK' REQUIRE X509 WITH \
                    MAX_QUERIES_PER_HOUR 9 MAX_CONNECTIONS_PER_HOUR 3 PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK PASSWORD HISTORY DEFAULT \
                    FAILED_LOGIN_ATTEMPTS 2 PASSWORD_LOCK_TIME UNBOUNDED";
        let shown = parse(text);
        assert_eq!((shown.require, shown.is_locked, shown.has_expired), (Require::Certificate, false, false));
        assert_eq!((shown.queries_per_hour, shown.connections_per_hour), (Some(9), Some(3)));
        assert_eq!((shown.failed_logins, shown.is_locked_after_them), (Some(2), true));
        assert_eq!(shown.barrier(&Tls::Disable), Some(Cause::TlsWanted));
        assert_eq!(shown.barrier(&Tls::Verify(Trust::default())), Some(Cause::CertificateWanted));
        let locked = parse("CREATE USER `a`@`%` IDENTIFIED BY PASSWORD '*E' PASSWORD EXPIRE ACCOUNT LOCK");
        assert!(locked.is_locked && locked.has_expired);
        assert_eq!(locked.barrier(&Tls::Disable), Some(Cause::Locked));
    }

    #[test]
    fn options_are_what_goes_beyond_the_defaults() {
        let text = "CREATE USER `a`@`%` IDENTIFIED WITH 'caching_sha2_password' AS <secret> DEFAULT ROLE `r ACCOUNT LOCK`@`%`,`s`@`%` \
                    REQUIRE SUBJECT '/CN=x y' ISSUER '/CN=ca' WITH MAX_QUERIES_PER_HOUR 5 MAX_USER_CONNECTIONS 8 PASSWORD EXPIRE \
                    INTERVAL 90 DAY ACCOUNT UNLOCK PASSWORD HISTORY 3 PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT \
                    OPTIONAL FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME UNBOUNDED ATTRIBUTE '{}'";
        let shown = parse(text);
        assert_eq!(
            shown.options,
            [
                "DEFAULT ROLE 'r ACCOUNT LOCK'@'%', 's'@'%'",
                "REQUIRE SUBJECT '/CN=x y' ISSUER '/CN=ca'",
                "MAX_QUERIES_PER_HOUR 5",
                "MAX_USER_CONNECTIONS 8",
                "PASSWORD EXPIRE INTERVAL 90 DAY",
                "PASSWORD HISTORY 3",
                "PASSWORD REQUIRE CURRENT OPTIONAL",
                "FAILED_LOGIN_ATTEMPTS 3",
                "PASSWORD_LOCK_TIME UNBOUNDED",
            ]
        );
        assert!(!shown.is_locked, "the name of a role is no clause");
        let plain =
            "CREATE USER `a`@`%` IDENTIFIED BY PASSWORD '*E1' REQUIRE NONE PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK";
        assert!(parse(plain).options.is_empty());
    }

    #[test]
    fn a_quote_that_is_not_closed_ends_the_reading() {
        let text = "CREATE USER `a`@`%` IDENTIFIED WITH 'caching_sha2_password' AS <secret> REQUIRE SSL 'open PASSWORD HISTORY 3";
        assert_eq!(parse(text).options, ["REQUIRE SSL 'open", "PASSWORD HISTORY 3"]);
    }

    #[test]
    fn a_second_factor_is_what_a_login_lacks() {
        let text = "CREATE USER `a`@`%` IDENTIFIED WITH 'caching_sha2_password' AS <secret> AND IDENTIFIED WITH 'auth_socket' AS \
                    '/x' REQUIRE SSL PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK";
        let shown = parse(text);
        assert_eq!(shown.plugin_names(), "caching_sha2_password and auth_socket");
        assert_eq!(shown.barrier(&Tls::Verify(Trust::default())), Some(Cause::Unsupported));
        assert_eq!(shown.options, ["REQUIRE SSL"]);
    }

    #[test]
    fn host_parts_admit_clients_as_the_server_has_it() {
        for (host, client, admitted) in [
            ("%", "127.0.0.1", true),
            ("127.0.0.5", "127.0.0.1", false),
            ("127.%", "127.0.0.1", true),
            ("10.9.%", "127.0.0.1", false),
            ("127.0.0._", "127.0.0.1", true),
            ("DB%.example", "db1.example", true),
            ("10.0.0.0/255.0.0.0", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("localhost", "127.0.0.1", false),
            ("%.%.%", "10.1.2", true),
            ("%b%b%", "abc", false),
            ("a\\_b", "a_b", true),
            ("a\\_b", "axb", false),
            ("", "", true),
        ] {
            assert_eq!(matches_client(host, client), admitted, "{host} {client}");
        }
    }

    #[test]
    fn of_a_client_that_is_shown_by_its_name_the_address_is_not_known() {
        for (host, client, admitted) in [
            ("127.0.0.1", "localhost", None),
            ("127.0.0.%", "localhost", None),
            ("127.0.0.0/255.0.0.0", "localhost", None),
            ("localhost", "localhost", Some(true)),
            ("%", "localhost", Some(true)),
            ("%.example", "localhost", Some(false)),
            ("10.9.%", "127.0.0.1", Some(false)),
        ] {
            assert_eq!(admits(host, client), admitted, "{host} {client}");
        }
    }

    #[test]
    fn the_owner_s_words_are_no_clauses() {
        let text = "CREATE USER `a`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 0x2441 REQUIRE NONE PASSWORD EXPIRE DEFAULT \
                    ACCOUNT UNLOCK ATTRIBUTE '{\"comment\": \"Bob's: ACCOUNT LOCK until REQUIRE X509 PASSWORD EXPIRE\"}'";
        let shown = parse(text);
        assert_eq!((shown.require, shown.is_locked, shown.has_expired), (Require::Nothing, false, false));
    }

    #[test]
    fn a_host_part_of_many_wildcards_is_compared_without_trying_every_split() {
        assert!(!matches_client(&"%a".repeat(127), &format!("{}b", "a".repeat(254))));
    }
}
