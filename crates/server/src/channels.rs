//! Where notifications go: webhooks, and the message service (SMN); and in [`sink`] where the audit trail goes.
//!
//! A topic with a webhook goes there; every other one goes to the SMN endpoint, if there is one. It remembers and retries
//! nothing.

pub mod sink;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use csms_core::{
    ProjectId, UnixMillis,
    event::{Notification, NotificationStatus, TargetId},
    sign::{Signer, percent_encode},
    target::TargetRules,
};
use csms_rotate::{AllowedAddresses, judge_literal};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Url;
use serde_json::json;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    deputy::{Deputies, topic_project},
    failure::Failure,
    outgoing::{signed_post, tls},
};

/// Time for one attempt, from the connection to the whole answer. Claims last longer.
const TIMEOUT: Duration = Duration::from_secs(10);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Header of a webhook with the time, and the HMAC-SHA256 of time and body: `t=<seconds>,v1=<hexadecimal>`.
pub const SIGNATURE: &str = "x-csms-signature";

/// Header of a webhook with the identifier of the notification, the same in every attempt.
pub const NOTIFICATION_ID: &str = "x-csms-notification-id";

/// The message service.
#[derive(Clone)]
pub struct Smn {
    /// Endpoint, such as `https://smn.cn-north-4.myhuaweicloud.com`.
    pub url: Url,
    /// Access key.
    pub access_key: String,
    /// Secret key.
    pub secret_key: Zeroizing<String>,
}

/// What there is to send notifications to.
#[derive(Default)]
pub struct Targets {
    /// Webhooks by the URN of the topic that they stand for.
    pub webhooks: BTreeMap<TargetId, Url>,
    /// The key of webhooks' signatures; unsigned without one.
    pub webhook_secret: Option<Zeroizing<String>>,
    /// Certificates (PEM) of authorities to trust for webhooks besides the public ones.
    pub webhook_authorities: Option<String>,
    /// The message service.
    pub smn: Option<Smn>,
    /// Which topics of other projects the message service is called for.
    pub deputies: Arc<Deputies>,
    /// Where webhooks may be.
    pub rules: TargetRules,
}

/// Sends notifications.
pub struct Channels {
    targets: Targets,
    /// For the message service, which the operator names.
    http: reqwest::Client,
    /// For webhooks: connects only to addresses that the rules allow.
    webhooks: reqwest::Client,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target has taken it.
    Delivered,
    /// The target has not taken it, and may later.
    Failed(String),
    /// Nothing could be sent to the target, now or later.
    Invalid(String),
}

impl Outcome {
    /// The status of the record.
    #[must_use]
    pub const fn status(&self) -> NotificationStatus {
        match self {
            Self::Delivered => NotificationStatus::Success,
            Self::Failed(_) => NotificationStatus::Fail,
            Self::Invalid(_) => NotificationStatus::Invalid,
        }
    }
}

impl Channels {
    /// Channels to these targets.
    ///
    /// # Errors
    /// Certificates that cannot be read.
    pub fn new(targets: Targets) -> Result<Self, Failure> {
        let builder = || {
            let client = reqwest::Client::builder()
                .tls_backend_preconfigured(tls(targets.webhook_authorities.as_deref())?)
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(TIMEOUT);
            Ok::<_, Failure>(client)
        };
        let http = builder()?.build().map_err(Failure::internal)?;
        let resolver = AllowedAddresses::new(targets.rules.clone());
        let webhooks = builder()?.dns_resolver(Arc::new(resolver)).build().map_err(Failure::internal)?;
        Ok(Self { targets, http, webhooks })
    }

    /// Whether events of the project may name the topic: one of the project, one that a webhook is set for under no other
    /// project of this installation, or one on the operator's list. Without an endpoint nothing is ever signed, so any without a
    /// webhook may be named.
    #[must_use]
    pub fn may_name(&self, project: &ProjectId, topic: &TargetId) -> bool {
        let Targets { webhooks, smn, deputies, .. } = &self.targets;
        if webhooks.contains_key(topic) {
            return deputies.allow_webhook(project, topic.as_str());
        }
        smn.is_none() || deputies.allow_topic(project, topic.as_str())
    }

    /// Makes one attempt to deliver a notification.
    pub async fn send(&self, notification: &Notification, now: UnixMillis) -> Outcome {
        if let Some(url) = self.targets.webhooks.get(&notification.target.id) {
            return self.post_to_webhook(url, notification, now).await;
        }
        if !self.may_name(&notification.project, &notification.target.id) {
            let reason = "the topic is of another project, and no entry of topic_allow names it";
            return Outcome::Invalid(reason.to_owned());
        }
        match &self.targets.smn {
            Some(smn) => self.publish(smn, notification, now).await,
            None => Outcome::Invalid("no webhook is set for the topic, and no SMN endpoint".to_owned()),
        }
    }

    /// The message in an envelope like SMN's, with a signature of ours.
    async fn post_to_webhook(&self, url: &Url, notification: &Notification, now: UnixMillis) -> Outcome {
        let body = json!({
            "type": "Notification",
            "message_id": notification.id,
            "topic_urn": notification.target.id.as_str(),
            "subject": subject(notification),
            "message": notification.content,
            "timestamp": notification.create_time.to_rfc3339(),
        });
        let body = body.to_string();
        if let Err(refusal) = judge_literal(&self.targets.rules, url) {
            return Outcome::Failed(format!("the webhook is not reachable: {refusal}"));
        }
        let mut call = self.webhooks.post(url.clone()).header("content-type", "application/json");
        call = call.header(NOTIFICATION_ID, &notification.id);
        if let Some(secret) = &self.targets.webhook_secret {
            call = call.header(SIGNATURE, signature(secret.as_bytes(), now, body.as_bytes()));
        }
        match call.body(body).send().await {
            Ok(answer) if answer.status().is_success() => Outcome::Delivered,
            Ok(answer) => Outcome::Failed(format!("the webhook answered {}", answer.status().as_u16())),
            Err(error) => Outcome::Failed(error.without_url().to_string()),
        }
    }

    /// Publishes to the topic through SMN's API, signed.
    async fn publish(&self, smn: &Smn, notification: &Notification, now: UnixMillis) -> Outcome {
        let urn = notification.target.id.as_str();
        let Some(project) = topic_project(urn) else {
            return Outcome::Invalid("the target is not of the form urn:smn:REGION:PROJECT:TOPIC".to_owned());
        };
        let path = format!("/v2/{}/notifications/topics/{}/publish", percent_encode(project), percent_encode(urn));
        let Ok(url) = smn.url.join(&path) else {
            return Outcome::Invalid("the topic does not fit the endpoint".to_owned());
        };
        let body = json!({ "subject": subject(notification), "message": notification.content }).to_string();
        let signer = Signer { access_key: &smn.access_key, secret_key: &smn.secret_key, security_token: None, project };
        let call = signed_post(&self.http, url, &signer, body.into_bytes(), now);
        match call.send().await {
            Ok(answer) if answer.status().is_success() => Outcome::Delivered,
            Ok(answer) if answer.status().as_u16() == 404 => Outcome::Invalid("SMN has no such topic".to_owned()),
            Ok(answer) => Outcome::Failed(format!("SMN answered {}", answer.status().as_u16())),
            Err(error) => Outcome::Failed(error.without_url().to_string()),
        }
    }
}

fn subject(notification: &Notification) -> String {
    format!("CSMS {}", notification.kind.as_str())
}

/// The value of [`SIGNATURE`]: over the time in seconds, a dot, and the body.
#[must_use]
pub fn signature(secret: &[u8], now: UnixMillis, body: &[u8]) -> String {
    let seconds = now.as_millis() / 1000;
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_hmac_of_time_and_body() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac key
        let expected = "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae";
        assert_eq!(signature(b"key", UnixMillis::new(1_700_000_000_999), b"{}"), expected);
    }
}
