//! Free TCP ports for programs that cannot choose one themselves.
//!
//! Ports are taken below the range the kernel hands to outgoing connections (32768 and up on
//! Linux), because an instance that is stopped must find its port free when it starts again.
//! Another process may still win the race for a port; callers then try the next one.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};

const RANGE: Range<u16> = 15_000..32_000;
const ATTEMPTS: usize = 200;

static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A loopback port that nobody listened on a moment ago; no other call in this process gets it
/// until it is dropped.
#[derive(Debug)]
pub(crate) struct Port(u16);

impl Port {
    pub(crate) fn take() -> Result<Self> {
        for _ in 0..ATTEMPTS {
            let number = draw()?;
            let is_new = TAKEN.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
            let port = is_new.then(|| Self(number));
            if let Some(port) = port
                && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok()
            {
                return Ok(port);
            }
        }
        Err(Error::Missing {
            program: "free TCP port".into(),
            hint: format!("{ATTEMPTS} ports between {} and {} were tried", RANGE.start, RANGE.end),
        })
    }

    pub(crate) fn number(&self) -> u16 {
        self.0
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        TAKEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

fn draw() -> Result<u16> {
    let [high, low] = random::<2>()?;
    Ok(RANGE.start + u16::from_be_bytes([high, low]) % (RANGE.end - RANGE.start))
}

/// Bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Io { what: "no random bytes".into(), source: std::io::Error::other(error) })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_held_together_are_different() {
        let ports: Vec<_> = (0..50).map(|_| Port::take().unwrap()).collect();
        let numbers: BTreeSet<_> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), 50);
        assert!(numbers.iter().all(|number| RANGE.contains(number)));
    }
}
