//! What a driver needs for TLS, kept from one connection with a server for the next: certificates are read once, and a server that
//! resumes sessions need not prove itself from the start each time.

use std::sync::{Mutex, PoisonError};

use csms_core::rotation::Trust;

/// How many are kept; the one that was used longest ago makes room.
const CAPACITY: usize = 16;

/// Things made for the connections with a server. A connection that shows a certificate of its own gets a new one each time: its
/// key is kept no longer than its connection, and no session that was begun with one certificate goes on with another.
pub(crate) struct Kept<T>(Mutex<Vec<(Key, T)>>);

/// The server, and all that its verification depends on.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    host: String,
    port: u16,
    ca: Option<String>,
    any_name: bool,
    server_name: Option<String>,
}

impl Key {
    fn of((host, port): (&str, u16), trust: &Trust) -> Self {
        let Trust { ca, any_name, server_name, identity: _ } = trust.clone();
        Self { host: host.to_owned(), port, ca, any_name, server_name }
    }
}

impl<T: Clone> Kept<T> {
    /// Nothing so far.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// What is kept for the server at this host and port and for this trust, or what `make` makes.
    ///
    /// # Errors
    /// Those of `make`; they are not kept.
    pub(crate) fn get<E>(
        &self,
        server: (&str, u16),
        trust: &Trust,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if trust.identity.is_some() {
            return make();
        }
        let wanted = Key::of(server, trust);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match kept.iter().position(|(key, _)| *key == wanted) {
            Some(position) => kept.remove(position),
            None => (wanted, make()?),
        };
        let made = found.1.clone();
        if kept.len() == CAPACITY {
            kept.remove(0);
        }
        kept.push(found);
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use core::convert::Infallible;

    use csms_core::rotation::ClientIdentity;

    use super::*;

    const SERVER: (&str, u16) = ("db.example", 3306);

    fn trust(ca: &str) -> Trust {
        Trust { ca: Some(ca.to_owned()), ..Trust::default() }
    }

    fn got(kept: &Kept<u8>, server: (&str, u16), trust: &Trust, new: u8) -> u8 {
        let Ok(got) = kept.get(server, trust, || Ok::<_, Infallible>(new));
        got
    }

    #[test]
    fn connections_with_a_server_share_what_was_made() {
        let kept = Kept::new();
        assert_eq!([1, 2].map(|new| got(&kept, SERVER, &trust("a"), new)), [1, 1]);
    }

    #[test]
    fn nothing_is_shared_between_servers_or_those_who_trust_differently() {
        let kept = Kept::new();
        let any_name = Trust { any_name: true, ..trust("a") };
        let named = Trust { server_name: Some("other.example".to_owned()), ..trust("a") };
        let all = [
            (SERVER, trust("a")),
            (SERVER, trust("b")),
            (SERVER, Trust::default()),
            (SERVER, any_name),
            (SERVER, named),
            (("db.example", 3307), trust("a")),
            (("other.example", 3306), trust("a")),
        ];
        for round in [0, 100] {
            let made = (0..).zip(&all).map(|(number, (server, trust))| got(&kept, *server, trust, round + number));
            assert_eq!(made.collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
        }
    }

    #[test]
    fn nothing_made_with_a_certificate_of_one_s_own_is_kept() {
        let kept = Kept::new();
        let identity = ClientIdentity { certificate: "c".to_owned(), key: "k".to_owned().into() };
        let shown = Trust { identity: Some(identity), ..trust("a") };
        assert_eq!([1, 2].map(|new| got(&kept, SERVER, &shown, new)), [1, 2]);
        assert_eq!(got(&kept, SERVER, &trust("a"), 3), 3);
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let kept = Kept::new();
        for number in 0..CAPACITY {
            got(&kept, SERVER, &trust(&number.to_string()), 1);
        }
        got(&kept, SERVER, &trust("0"), 2);
        got(&kept, SERVER, &trust("more"), 1);
        assert_eq!(["0", "1"].map(|ca| got(&kept, SERVER, &trust(ca), 2)), [1, 2]);
    }

    #[test]
    fn a_failure_is_not_kept() {
        let kept = Kept::new();
        assert_eq!(kept.get(SERVER, &trust("a"), || Err("no")), Err("no"));
        assert_eq!(got(&kept, SERVER, &trust("a"), 1), 1);
    }
}
