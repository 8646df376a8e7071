//! Why an operation on a well-formed request is refused: the state of things does not allow it.
//!
//! Status and code of each refusal are in the API crate's catalogue.

use alloc::{
    format,
    string::{String, ToString},
};

use thiserror::Error;

use crate::{
    event::MAX_EVENTS,
    language::{Language, in_chinese},
    secret::{MAX_GRANTS, SecretState},
    stage::MAX_STAGES,
    tag::MAX_TAGS,
    version::MAX_VERSIONS,
};

/// A refusal. The texts are public and hold no input.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No secret has this name in the project.
    #[error("the secret does not exist")]
    SecretNotFound,
    /// The secret has no such version.
    #[error("the secret version does not exist")]
    VersionNotFound,
    /// No version of the secret is marked with this stage.
    #[error("the stage does not exist")]
    StageNotFound,
    /// There is no such rotation task.
    #[error("the rotation task does not exist")]
    TaskNotFound,
    /// A secret of this name exists in the project.
    #[error("a secret of this name already exists in the project")]
    SecretExists,
    /// A secret of this name waits for its deletion.
    #[error(
        "a secret of this name already exists in the project and waits for its deletion; restore it, delete it at once, or \
         choose another name"
    )]
    SecretWaits,
    /// The secret is scheduled for deletion.
    #[error("the secret is scheduled for deletion and cannot be used; restore it first")]
    PendingDeletion,
    /// A second deletion was asked for.
    #[error("the secret is already scheduled for deletion")]
    AlreadyScheduled,
    /// A restore was asked for, and there is nothing to restore from.
    #[error("the secret is not scheduled for deletion")]
    NotScheduled,
    /// The secret is disabled or frozen.
    #[error("the secret is {} and must be ENABLED", .0.as_str())]
    NotEnabled(SecretState),
    /// `SYSCURRENT` and `SYSPREVIOUS` belong to the service.
    #[error("the built-in stages SYSCURRENT and SYSPREVIOUS cannot be deleted")]
    BuiltInStage,
    /// The project has as many secrets as it may.
    #[error("the project already has {0} secrets, its quota")]
    SecretQuota(u64),
    /// A new stage would be the thirteenth.
    #[error("the secret already has {MAX_STAGES} stages, the most it may have")]
    StageQuota,
    /// Every version is marked with a stage, so none can make room.
    #[error("the secret already has {MAX_VERSIONS} versions and every one is in use")]
    VersionQuota,
    /// COMMON secrets are changed by their owner.
    #[error("secrets of type COMMON are not rotated by the service; create a new version instead")]
    CommonSecret,
    /// Something that rotation needs is missing.
    #[error("rotation is not possible: {0}")]
    RotationNotConfigured(&'static str),
    /// One rotation at a time.
    #[error("a rotation of this secret is already running")]
    RotationRunning,
    /// A tag with a new key would be the twenty-first.
    #[error("the secret already has {MAX_TAGS} tags, the most it may have")]
    TagQuota,
    /// The project has no such event.
    #[error("the event does not exist")]
    EventNotFound,
    /// An event of this name exists in the project.
    #[error("an event of this name already exists in the project")]
    EventExists,
    /// An event would be one too many.
    #[error("the project already has {MAX_EVENTS} events, the most it may have")]
    EventQuota,
    /// Secrets subscribe to the event.
    #[error("secrets subscribe to the event; unsubscribe them first")]
    EventInUse,
    /// The secret has no tag with this key.
    #[error("the tag does not exist")]
    TagNotFound,
    /// A replica follows its primary.
    #[error("the secret is a replica; change its primary")]
    Replica,
    /// A primary would be deleted at once.
    #[error("the secret has replicas; delete them first")]
    HasReplicas,
    /// The secret has a replica in this region.
    #[error("the region already has a replica of the secret")]
    ReplicaExists,
    /// The secret has no replica in this region.
    #[error("the region has no replica of the secret")]
    ReplicaNotFound,
    /// The user has no grant on the secret.
    #[error("the user has no grant on the secret")]
    GrantNotFound,
    /// The user has a grant on the secret already, perhaps one that is over.
    #[error("the user already has a grant on the secret; change its end instead")]
    GrantExists,
    /// A grant would be one too many.
    #[error("the secret already has {MAX_GRANTS} grants, the most it may have")]
    GrantQuota,
}

impl Refusal {
    /// The stable names of all refusals, as [`Refusal::name`] tells them.
    pub const NAMES: &'static [&'static str] = &[
        "secret-not-found",
        "version-not-found",
        "stage-not-found",
        "task-not-found",
        "secret-exists",
        "secret-waits",
        "pending-deletion",
        "already-scheduled",
        "not-scheduled",
        "not-enabled",
        "built-in-stage",
        "secret-quota",
        "stage-quota",
        "version-quota",
        "common-secret",
        "rotation-not-configured",
        "rotation-running",
        "tag-quota",
        "tag-not-found",
        "event-not-found",
        "event-exists",
        "event-quota",
        "event-in-use",
        "replica",
        "has-replicas",
        "replica-exists",
        "replica-not-found",
        "grant-not-found",
        "grant-exists",
        "grant-quota",
    ];

    /// The refusal's stable name, in kebab case.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SecretNotFound => "secret-not-found",
            Self::VersionNotFound => "version-not-found",
            Self::StageNotFound => "stage-not-found",
            Self::TaskNotFound => "task-not-found",
            Self::SecretExists => "secret-exists",
            Self::SecretWaits => "secret-waits",
            Self::PendingDeletion => "pending-deletion",
            Self::AlreadyScheduled => "already-scheduled",
            Self::NotScheduled => "not-scheduled",
            Self::NotEnabled(_) => "not-enabled",
            Self::BuiltInStage => "built-in-stage",
            Self::SecretQuota(_) => "secret-quota",
            Self::StageQuota => "stage-quota",
            Self::VersionQuota => "version-quota",
            Self::CommonSecret => "common-secret",
            Self::RotationNotConfigured(_) => "rotation-not-configured",
            Self::RotationRunning => "rotation-running",
            Self::TagQuota => "tag-quota",
            Self::TagNotFound => "tag-not-found",
            Self::EventNotFound => "event-not-found",
            Self::EventExists => "event-exists",
            Self::EventQuota => "event-quota",
            Self::EventInUse => "event-in-use",
            Self::Replica => "replica",
            Self::HasReplicas => "has-replicas",
            Self::ReplicaExists => "replica-exists",
            Self::ReplicaNotFound => "replica-not-found",
            Self::GrantNotFound => "grant-not-found",
            Self::GrantExists => "grant-exists",
            Self::GrantQuota => "grant-quota",
        }
    }

    /// The refusal as a sentence in the language asked for; English is what the server answers.
    #[must_use]
    pub fn message_in(&self, language: Language) -> String {
        match language {
            Language::English => self.to_string(),
            Language::Chinese => self.chinese_message(),
        }
    }

    fn chinese_message(&self) -> String {
        let text = match self {
            Self::SecretNotFound => "凭据不存在",
            Self::VersionNotFound => "凭据版本不存在",
            Self::StageNotFound => "版本状态不存在",
            Self::TaskNotFound => "轮转任务不存在",
            Self::SecretExists => "项目中已存在同名凭据",
            Self::SecretWaits => "项目中已存在同名凭据，且处于计划删除状态；请恢复或立即删除该凭据，或使用其他名称",
            Self::PendingDeletion => "凭据已计划删除，无法使用；请先恢复",
            Self::AlreadyScheduled => "凭据已处于计划删除状态",
            Self::NotScheduled => "凭据未处于计划删除状态",
            Self::NotEnabled(state) => return format!("凭据状态为 {}，必须为 ENABLED", state.as_str()),
            Self::BuiltInStage => "内置版本状态 SYSCURRENT 和 SYSPREVIOUS 不能删除",
            Self::SecretQuota(quota) => return format!("项目已有 {quota} 个凭据，达到配额"),
            Self::StageQuota => return format!("凭据已有 {MAX_STAGES} 个版本状态，达到上限"),
            Self::VersionQuota => return format!("凭据已有 {MAX_VERSIONS} 个版本且均在使用中"),
            Self::CommonSecret => "COMMON 类型的凭据不由服务轮转；请创建新版本",
            Self::RotationNotConfigured(reason) => return format!("无法轮转：{}", in_chinese(reason)),
            Self::RotationRunning => "该凭据的轮转正在进行",
            Self::TagQuota => return format!("凭据已有 {MAX_TAGS} 个标签，达到上限"),
            Self::TagNotFound => "标签不存在",
            Self::EventNotFound => "事件不存在",
            Self::EventExists => "项目中已存在同名事件",
            Self::EventQuota => return format!("项目已有 {MAX_EVENTS} 个事件，达到上限"),
            Self::EventInUse => "有凭据订阅了该事件；请先取消订阅",
            Self::Replica => "凭据为副本；请修改主凭据",
            Self::HasReplicas => "凭据存在副本；请先删除副本",
            Self::ReplicaExists => "该区域已存在此凭据的副本",
            Self::ReplicaNotFound => "该区域没有此凭据的副本",
            Self::GrantNotFound => "该用户没有此凭据的授权",
            Self::GrantExists => "该用户已有此凭据的授权；请修改其有效期",
            Self::GrantQuota => return format!("凭据已有 {MAX_GRANTS} 个授权，达到上限"),
        };
        text.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn every_refusal_has_a_listed_name_and_words_in_both_languages() {
        let all = [
            Refusal::SecretNotFound,
            Refusal::VersionNotFound,
            Refusal::StageNotFound,
            Refusal::TaskNotFound,
            Refusal::SecretExists,
            Refusal::SecretWaits,
            Refusal::PendingDeletion,
            Refusal::AlreadyScheduled,
            Refusal::NotScheduled,
            Refusal::NotEnabled(SecretState::Frozen),
            Refusal::BuiltInStage,
            Refusal::SecretQuota(500),
            Refusal::StageQuota,
            Refusal::VersionQuota,
            Refusal::CommonSecret,
            Refusal::RotationNotConfigured("rotation_config is not set"),
            Refusal::RotationRunning,
            Refusal::TagQuota,
            Refusal::TagNotFound,
            Refusal::EventNotFound,
            Refusal::EventExists,
            Refusal::EventQuota,
            Refusal::EventInUse,
            Refusal::Replica,
            Refusal::HasReplicas,
            Refusal::ReplicaExists,
            Refusal::ReplicaNotFound,
            Refusal::GrantNotFound,
            Refusal::GrantExists,
            Refusal::GrantQuota,
        ];
        assert_eq!(all.iter().map(Refusal::name).collect::<Vec<_>>(), Refusal::NAMES);
        for refusal in all {
            assert_eq!(refusal.message_in(Language::English), refusal.to_string());
            assert!(!refusal.message_in(Language::Chinese).is_ascii(), "{refusal}");
        }
    }
}
