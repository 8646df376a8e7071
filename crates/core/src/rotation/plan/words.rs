//! What the planner's causes, findings and reasons say to people: which message of the catalogue each one is.

use core::fmt;

use super::{Cause, Change, Inspection, Match, OperatorReason, Passwords, Probe, RetryReason, Role, Setter};
use crate::rotation::message::{Message, causes, reasons};

impl Cause {
    /// The cause as a message.
    #[must_use]
    pub fn message(self) -> Message {
        match self {
            Self::NoLogin => causes::no_login(),
            Self::Unreachable => causes::unreachable(),
            Self::NameUnknown => causes::name_unknown(),
            Self::TimedOut => causes::timed_out(),
            Self::Tls => causes::tls(),
            Self::TlsNotOffered => causes::tls_not_offered(),
            Self::TlsWanted => causes::tls_wanted(),
            Self::CertificateWanted => causes::certificate_wanted(),
            Self::OtherServer => causes::other_server(),
            Self::Pooler => causes::pooler(),
            Self::Busy => causes::busy(),
            Self::NotReady => causes::not_ready(),
            Self::ReadOnly => causes::read_only(),
            Self::Locked => causes::locked(),
            Self::LockedForNow => causes::locked_for_now(),
            Self::Expired => causes::expired(),
            Self::NoAccount => causes::no_account(),
            Self::HostNotAdmitted => causes::host_not_admitted(),
            Self::HostBlocked => causes::host_blocked(),
            Self::NoDatabase => causes::no_database(),
            Self::NoConnect => causes::no_connect(),
            Self::Barred => causes::barred(),
            Self::Forbidden => causes::forbidden(),
            Self::NotFirst => causes::not_first(),
            Self::Changed => causes::changed(),
            Self::OtherAccount => causes::other_account(),
            Self::OtherHosts => causes::other_hosts(),
            Self::InClear => causes::in_clear(),
            Self::Unsupported => causes::unsupported(),
            Self::Other => causes::other(),
        }
    }

    /// What a person can do about it, if there is one thing to do.
    #[must_use]
    pub fn remedy(self) -> Option<Message> {
        Some(match self {
            Self::Pooler => causes::remedy_pooler(),
            Self::TlsNotOffered => causes::remedy_tls_not_offered(),
            Self::TlsWanted => causes::remedy_tls_wanted(),
            Self::CertificateWanted => causes::remedy_certificate(),
            Self::OtherServer => causes::remedy_other_server(),
            Self::Locked => causes::remedy_locked(),
            Self::LockedForNow => causes::remedy_locked_for_now(),
            Self::Expired => causes::remedy_expired(),
            Self::HostNotAdmitted => causes::remedy_host(),
            Self::HostBlocked => causes::remedy_host_blocked(),
            Self::OtherHosts => causes::remedy_other_hosts(),
            Self::NoDatabase | Self::NoConnect => causes::remedy_database(),
            _ => return None,
        })
    }
}

impl Probe {
    /// The finding as a message.
    #[must_use]
    pub fn message(self) -> Message {
        match self {
            Self::Accepted => reasons::accepted(),
            Self::WrongPassword => reasons::wrong_password(),
            Self::Refused => reasons::refused(),
            Self::Expired => reasons::password_expired(),
            Self::Unknown(cause) => reasons::unknown(cause.message()),
        }
    }
}

impl Change {
    /// The outcome as a message.
    #[must_use]
    pub fn message(self) -> Message {
        match self {
            Self::Done => reasons::changed(),
            Self::RefusedCandidate => reasons::candidate_refused(),
            Self::NotDone(cause) => reasons::not_changed(cause.message()),
            Self::Unknown(cause) => reasons::unknown(cause.message()),
        }
    }
}

impl Match {
    fn message(self) -> Message {
        match self {
            Self::Unknown => reasons::not_compared(),
            Self::First => reasons::first_password(),
            Self::Second => reasons::second_password(),
            Self::Neither => reasons::other_password(),
        }
    }
}

impl Passwords {
    fn message(self) -> Message {
        let (pending, current, previous) = (self.pending.message(), self.current.message(), self.previous.message());
        let compared = reasons::account_compared(pending, current, previous);
        if self.has_second { reasons::second_kept(compared) } else { compared }
    }
}

impl Inspection {
    /// What was read, as a message.
    #[must_use]
    pub fn message(self) -> Message {
        match self {
            Self::Account { barrier, passwords } => {
                let read = passwords.map_or_else(reasons::account_read, Passwords::message);
                match barrier {
                    Some(cause) => reasons::not_admitted(read, cause.message()),
                    None => read,
                }
            }
            Self::NoAccount => reasons::none_of_this_name(),
            Self::SeveralAccounts => reasons::several_of_this_name(),
            Self::Failed(cause) => reasons::not_read(cause.message()),
        }
    }
}

impl Setter {
    /// Who it is, as a message.
    #[must_use]
    pub fn message(self) -> Message {
        match self {
            Self::Account(role) => reasons::account_itself(role),
            Self::Restored => reasons::restored(),
            Self::Admin => reasons::administrator(),
            Self::Service => reasons::management_service(),
        }
    }
}

impl RetryReason {
    /// The reason as a message.
    #[must_use]
    pub fn message(self) -> Message {
        match self {
            // The cause is the account's, and the pending version may be one that does not exist yet.
            Self::LoginUnknown(Role::Pending, cause) => reasons::login_unknown(cause.message()),
            Self::LoginUnknown(role, cause) => reasons::stage_login_unknown(role, cause.message()),
            Self::DecoyUnknown(cause) => reasons::decoy_unknown(cause.message()),
            Self::NotInspected(cause) => reasons::not_inspected_yet(cause.message()),
            Self::NotChanged(cause) => reasons::password_not_changed(cause.message()),
            Self::ChangeUnknown(cause) => reasons::change_unknown(cause.message()),
            Self::ChangeNotSeen => reasons::change_not_seen(),
        }
    }
}

impl OperatorReason {
    /// The reason as a message.
    #[must_use]
    pub fn message(self) -> Message {
        match self {
            Self::NoCurrentVersion => reasons::no_current_version(),
            Self::NoSecondAccount => reasons::no_second_account(),
            Self::SameAccountTwice => reasons::same_account_twice(),
            Self::DifferentServers => reasons::different_servers(),
            Self::DifferentDatabases => reasons::different_databases(),
            Self::NotAnAccount(role) => reasons::not_an_account(role),
            Self::PendingDiffers(field) => reasons::pending_differs(field),
            Self::LoginBarred(Role::Pending, cause) => reasons::account_login_barred(cause.message()),
            Self::LoginBarred(role, cause) => reasons::login_barred(role, cause.message()),
            Self::PasswordExpired(role) => reasons::stage_password_expired(role),
            Self::NobodyLogsIn => reasons::nobody_logs_in(),
            Self::RightPasswordRefused(role, cause) => {
                let refusal = match cause {
                    Some(cause) => reasons::right_but_refused(role, cause.message()),
                    None => reasons::right_but_refused_unseen(role),
                };
                let state = match role {
                    Role::Pending => reasons::set_earlier(),
                    Role::Current | Role::Previous => reasons::nothing_changed(),
                };
                reasons::right_password_refused(refusal, state)
            }
            Self::SharedPasswordRefused => reasons::shared_password_refused(),
            Self::AccountBarred(cause) => reasons::account_barred(cause.message()),
            Self::HashesUnreadable => reasons::hashes_unreadable(),
            Self::PasswordNotComparable(role) => reasons::password_not_comparable(role),
            Self::SecondPasswordUnknown => reasons::second_password_unknown(),
            Self::FirstPasswordUnknown => reasons::first_password_unknown(),
            Self::SeveralAccounts => reasons::several_accounts(),
            Self::NoAccount => reasons::no_account(),
            Self::ChangeForbidden => reasons::change_forbidden(),
            Self::ChangeBarred(cause) => reasons::change_barred(cause.message()),
            Self::NotInspected(cause) => reasons::not_inspected(cause.message()),
            Self::AdminNotAnAccount => reasons::admin_not_an_account(),
            Self::AdminElsewhere => reasons::admin_elsewhere(),
            Self::AdminIsTheAccount => reasons::admin_is_the_account(),
            Self::AdminRefused => reasons::admin_refused(),
            Self::PasswordsNotChecked => reasons::passwords_not_checked(),
            Self::ProofWouldLock => reasons::proof_would_lock(),
            Self::ResumingWouldLock => reasons::resuming_would_lock(),
            Self::CandidatesRefused => reasons::candidates_refused(),
        }
    }
}

/// The English sentence.
macro_rules! displays {
    ($($of:ty),*) => {
        $(impl fmt::Display for $of {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.message().fmt(f)
            }
        })*
    };
}
displays!(Cause, Setter, RetryReason, OperatorReason);
