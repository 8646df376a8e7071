//! The addresses of a database server, one after the other.
//!
//! What a server says of a login or a change is final. Silence, and a server that lets nobody in, or nobody from this host, or takes
//! no writes, lead to the next address of the name.
//!
//! A target that is not allowed, takes no connection or stays silent is "not reachable" and no more: whoever writes the value
//! of a secret chooses host and port, and would learn which ports of the network are open. The log has the reason.

use core::{net::SocketAddr, time::Duration};

use csms_core::{
    rotation::{
        Inspection, Login, Message, Probe,
        message::{attempt, connection as say},
        plan::{Cause, Change},
    },
    target::TargetRules,
};
use tokio::time::{Instant, timeout_at};

use crate::{
    database::{Answer, Forecast},
    greeting,
    targets::{self, NoTarget},
};

/// An answer that may say that another address is worth a try.
pub(crate) trait Finding: Sized {
    /// The answer when nothing was found out.
    fn nothing(cause: Cause) -> Self;

    /// Why nothing was found out; `None` for an answer that is final.
    fn cause(&self) -> Option<Cause>;

    /// The same as not reachable, if it says that there was no connection or no answer.
    fn without_silence(&self) -> Option<Self>;
}

const fn is_silence(cause: Cause) -> bool {
    matches!(cause, Cause::Unreachable | Cause::TimedOut)
}

/// Whether a detail is a code that a database sent: then there is a database, and it answered.
fn comes_from_a_server(detail: Option<&Message>) -> bool {
    let code = detail.map(Message::code).unwrap_or_default();
    code.starts_with("postgresql.sqlstate") || code.starts_with("mysql.error")
}

impl Finding for Probe {
    fn nothing(cause: Cause) -> Self {
        Self::Unknown(cause)
    }

    fn cause(&self) -> Option<Cause> {
        match self {
            Self::Unknown(cause) => Some(*cause),
            _ => None,
        }
    }

    fn without_silence(&self) -> Option<Self> {
        matches!(self, Self::Unknown(cause) if is_silence(*cause)).then_some(Self::Unknown(Cause::Unreachable))
    }
}

impl Finding for Inspection {
    fn nothing(cause: Cause) -> Self {
        Self::Failed(cause)
    }

    fn cause(&self) -> Option<Cause> {
        match self {
            Self::Failed(cause) => Some(*cause),
            _ => None,
        }
    }

    fn without_silence(&self) -> Option<Self> {
        matches!(self, Self::Failed(cause) if is_silence(*cause)).then_some(Self::Failed(Cause::Unreachable))
    }
}

impl Finding for Change {
    /// Nothing is known of a change that did not end in time.
    fn nothing(cause: Cause) -> Self {
        if cause == Cause::TimedOut { Self::Unknown(cause) } else { Self::NotDone(cause) }
    }

    fn cause(&self) -> Option<Cause> {
        match self {
            Self::NotDone(cause) => Some(*cause),
            _ => None,
        }
    }

    fn without_silence(&self) -> Option<Self> {
        match self {
            Self::NotDone(cause) if is_silence(*cause) => Some(Self::NotDone(Cause::Unreachable)),
            Self::Unknown(cause) if is_silence(*cause) => Some(Self::Unknown(Cause::Unreachable)),
            _ => None,
        }
    }
}

impl Finding for Result<Vec<String>, Cause> {
    fn nothing(cause: Cause) -> Self {
        Err(cause)
    }

    fn cause(&self) -> Option<Cause> {
        self.as_ref().err().copied()
    }

    fn without_silence(&self) -> Option<Self> {
        matches!(self, Err(cause) if is_silence(*cause)).then_some(Err(Cause::Unreachable))
    }
}

impl Finding for Forecast {
    fn nothing(cause: Cause) -> Self {
        Self::obstacle(cause, None)
    }

    fn cause(&self) -> Option<Cause> {
        self.expected.cause()
    }

    fn without_silence(&self) -> Option<Self> {
        self.expected.without_silence().map(|_| Self::obstacle(Cause::Unreachable, say::connection_needed()))
    }
}

const fn leads_to_the_next(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::Unreachable | Cause::TimedOut | Cause::Busy | Cause::NotReady | Cause::ReadOnly | Cause::HostBlocked
    )
}

/// What a server of another kind looks like to a driver.
const fn may_be_of_another_kind(cause: Cause) -> bool {
    matches!(cause, Cause::Unreachable | Cause::TimedOut | Cause::TlsNotOffered | Cause::Tls | Cause::Other)
}

/// Which addresses may be connected to, and where the reasons go for those that are not reachable.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) rules: TargetRules,
    pub(crate) log: fn(&str),
}

/// Does `work` at each address of the login's server that is allowed until an answer is final. Each address has `limit`, all
/// of them end by `deadline`. Of several refusals, all are in the detail.
pub(crate) async fn at_each<T: Finding>(
    way: &Way,
    login: &Login,
    deadline: Instant,
    limit: Duration,
    work: impl AsyncFn(SocketAddr) -> Answer<T>,
) -> Answer<T> {
    let (host, port) = login.rotation_address();
    let unreached = |cause, reason: &str| {
        (way.log)(&format!("{host}:{port} is not reachable: {reason}"));
        Answer::plain(T::nothing(cause))
    };
    match timeout_at(deadline, targets::resolve(&way.rules, login)).await {
        Ok(Ok(addresses)) => in_turn(way, login, addresses, deadline, limit, work).await,
        Ok(Err(NoTarget::Refused(reason))) => unreached(Cause::Unreachable, &reason),
        Ok(Err(NoTarget::Unresolved(reason))) => unreached(Cause::NameUnknown, &reason),
        Err(_) => unreached(Cause::NameUnknown, "its name does not resolve in time"),
    }
}

async fn in_turn<T: Finding>(
    way: &Way,
    login: &Login,
    addresses: Vec<SocketAddr>,
    deadline: Instant,
    limit: Duration,
    work: impl AsyncFn(SocketAddr) -> Answer<T>,
) -> Answer<T> {
    let several = addresses.len() > 1;
    let mut refusals: Vec<Answer<T>> = Vec::new();
    for address in addresses {
        let until = Instant::now().checked_add(limit).map_or(deadline, |end| end.min(deadline));
        let in_time = timeout_at(until, work(address)).await;
        let mut answer =
            in_time.unwrap_or_else(|_| Answer::detailed(T::nothing(Cause::TimedOut), say::no_answer_in_time()));
        if answer.finding.cause().is_some_and(may_be_of_another_kind) && !comes_from_a_server(answer.detail.as_ref()) {
            let is_other = timeout_at(deadline, greeting::is_of_another_kind(login.engine, address)).await;
            if is_other == Ok(true) {
                return Answer::plain(T::nothing(Cause::OtherServer));
            }
        }
        if let Some(finding) = answer.finding.without_silence().filter(|_| !comes_from_a_server(answer.detail.as_ref()))
        {
            (way.log)(&format!("{address} is not reachable: {}", answer.detail_text()));
            answer = Answer::plain(finding);
        }
        if !answer.finding.cause().is_some_and(leads_to_the_next) {
            return answer;
        }
        if several && let Some(cause) = answer.finding.cause() {
            let (address, cause) = (address.ip().to_string(), cause.message());
            answer.detail = Some(match answer.detail {
                Some(detail) => say::at_address_because(address, cause, detail),
                None => say::at_address(address, cause),
            });
        }
        refusals.push(answer);
    }
    let details: Vec<Message> = refusals.iter().filter_map(|refusal| refusal.detail.clone()).collect();
    // A server that answers says more than one that does not.
    let answers = |refusal: &Answer<T>| refusal.finding.cause() != Some(Cause::Unreachable);
    let chosen = refusals.iter().position(answers).unwrap_or(0);
    match refusals.into_iter().nth(chosen) {
        Some(refusal) => Answer { detail: attempt::together(details), ..refusal },
        None => Answer::plain(T::nothing(Cause::NameUnknown)),
    }
}

#[cfg(test)]
mod tests {
    use core::cell::RefCell;

    use csms_core::rotation::{
        Account,
        message::{mysql, postgresql},
    };

    use super::*;

    fn login(host: &str) -> Login {
        let text = format!(r#"{{"engine":"mysql","host":"{host}","username":"u","password":"p"}}"#);
        Account::parse_text(&text).unwrap().login().clone()
    }

    fn way() -> Way {
        Way { rules: TargetRules::default(), log: |_| () }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn an_answer_about_the_login_is_final() {
        let tried = RefCell::new(0);
        let login = login("127.0.0.1");
        let way = way();
        let answer = at_each(&way, &login, soon(), Duration::from_secs(5), async |_| {
            *tried.borrow_mut() += 1;
            Answer::plain(Probe::Refused)
        });
        assert_eq!((answer.await.finding, tried.into_inner()), (Probe::Refused, 1));
    }

    /// What each of two addresses says, and what is made of it.
    async fn of_two(first: Probe, second: Probe) -> Answer<Probe> {
        let addresses = ["127.0.0.1:1", "127.0.0.9:1"].map(|address| address.parse().unwrap());
        let work = async |address: SocketAddr| {
            let finding = if address.ip().to_string().ends_with('9') { second } else { first };
            Answer::detailed(finding, postgresql::sqlstate("53300"))
        };
        in_turn(&way(), &login("127.0.0.1"), addresses.into(), soon(), Duration::from_secs(5), work).await
    }

    #[test]
    fn a_text_of_the_driver_is_no_code_of_a_server() {
        for answered in [mysql::refused(), mysql::error(1040_u16), postgresql::sqlstate("28P01")] {
            assert!(comes_from_a_server(Some(&answered)), "{answered}");
            // A dry run has it as the one thing that is missing.
            assert!(comes_from_a_server(attempt::together(vec![answered]).as_ref()));
        }
        assert!(!comes_from_a_server(Some(&say::said("error performing TLS handshake"))));
        assert!(!comes_from_a_server(None));
    }

    #[tokio::test]
    async fn the_last_dead_address_does_not_win() {
        let (dead, busy) = (Probe::Unknown(Cause::Unreachable), Probe::Unknown(Cause::Busy));
        assert_eq!(of_two(Probe::Refused, dead).await.finding, Probe::Refused);
        assert_eq!(of_two(dead, Probe::Accepted).await.finding, Probe::Accepted);
        for cause in [Cause::ReadOnly, Cause::HostBlocked] {
            assert_eq!(of_two(Probe::Unknown(cause), Probe::Accepted).await.finding, Probe::Accepted);
        }
        let both = of_two(busy, dead).await;
        assert_eq!(both.finding, busy);
        let detail = both.detail.unwrap().english();
        assert!(detail.contains("127.0.0.1: ") && detail.contains("127.0.0.9: "), "{detail}");
        let barred = Probe::Unknown(Cause::NoDatabase);
        assert_eq!(of_two(barred, Probe::Accepted).await.finding, barred, "an answer about this login");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_no_answer() {
        let login = login("127.0.0.1");
        let way = way();
        let answer = at_each(&way, &login, soon(), Duration::from_secs(5), async |_| {
            core::future::pending::<Answer<Change>>().await
        });
        assert_eq!(answer.await, Answer::plain(Change::Unknown(Cause::Unreachable)), "and no more than that");
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_is_said_to_be_one() {
        let login = login("absent.invalid");
        let way = way();
        let answer = at_each(&way, &login, soon(), Duration::from_secs(5), async |_| Answer::plain(Probe::Accepted));
        assert_eq!(answer.await.finding, Probe::Unknown(Cause::NameUnknown));
    }
}
