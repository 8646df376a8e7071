//! Texts of this project's own formats and of the protocols it speaks.

use csms_core::{
    EventName, FunctionUrn, KeyId, KeyName, ProjectId, RegionName, RotationConfig, RotationPeriod, SecretId,
    SecretName, TaskId, VersionId,
    event::EventType,
    json::{self, parse},
    network::Network,
    page::PageLimit,
    policy::Policy,
    rotation::{Account, DryRunReport, Engine, RotationEvent, RotationReply, Traceparent},
    sign::{Authorization, parse_date},
    target::TargetRules,
};

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::text;

/// JSON: what is written is read again as the same, and whoever reads all of JSON reads what is read here.
pub(crate) fn json(bytes: &[u8]) {
    let text = text(bytes);
    let Ok(value) = parse(text) else { return };
    assert!(serde_json::from_str::<IgnoredAny>(text).is_ok(), "it is no JSON");
    let written = |value: &Value| {
        let mut out = String::new();
        json::write(&mut out, value);
        out
    };
    let once = written(&value);
    assert!(parse(&once).is_ok_and(|again| written(&again) == once), "it was written as something else");
}

/// Policies.
pub(crate) fn policies(bytes: &[u8]) {
    let _ = Policy::parse(text(bytes));
}

/// Values of rotated secrets.
pub(crate) fn accounts(bytes: &[u8]) {
    let _ = Account::parse_text(text(bytes));
}

/// What the server and the rotation function tell each other.
pub(crate) fn messages(bytes: &[u8]) {
    let _ = (RotationEvent::parse(bytes), RotationReply::parse(bytes), DryRunReport::parse(bytes));
}

/// Headers of signed requests.
pub(crate) fn signatures(bytes: &[u8]) {
    let text = text(bytes);
    let _ = (Authorization::parse(text), parse_date(text), Traceparent::parse(text));
}

/// Names, identifiers and other short texts.
pub(crate) fn words(bytes: &[u8]) {
    let text = text(bytes);
    if let Ok(name) = SecretName::parse(text) {
        assert_eq!(name.as_str(), text, "a name was changed");
    }
    if let Ok(urn) = FunctionUrn::parse(text) {
        assert_eq!(urn.to_string(), text, "an URN was changed");
    }
    let _ = (KeyName::parse(text), EventName::parse(text), RegionName::parse(text), EventType::parse(text));
    let _ = (ProjectId::parse(text), SecretId::parse(text), KeyId::parse(text), TaskId::parse(text));
    let _ = (VersionId::parse(text), RotationPeriod::parse(text), RotationConfig::parse(text), PageLimit::parse(text));
    let _ = (Engine::parse(text), Network::parse(text));
    let (allowed, denied) = text.split_once('\n').unwrap_or((text, ""));
    let _ = TargetRules::parse(allowed, denied);
}
