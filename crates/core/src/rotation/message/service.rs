//! The server: how tasks begin, go on and end, and why a rotation is refused before it begins.

use super::{Message, messages};
use crate::refusal::Refusal;

messages! {
    begun_by_schedule(version) "begin.schedule"
        "by the schedule; {version} is SYSPENDING"
        "按计划轮转；{version} 为 SYSPENDING";
    begun_by_request(version) "begin.request"
        "by RotateSecret; {version} is SYSPENDING"
        "由 RotateSecret 发起；{version} 为 SYSPENDING";
    left_by_schedule(version) "begin.schedule-left"
        "by the schedule; {version} is left to the function"
        "按计划轮转；{version} 由函数创建";
    left_by_request(version) "begin.request-left"
        "by RotateSecret; {version} is left to the function"
        "由 RotateSecret 发起；{version} 由函数创建";
    cannot_begin() "begin.impossible" "by the schedule; it cannot begin" "按计划轮转；无法开始";
    attempt_begins() "task.attempt" "begins" "开始";
    taken_over() "task.taken-over"
        "the server that was at it stopped, died or stood still"
        "原来执行该任务的服务器已停止、崩溃或停顿";
    says_current(version) "task.says-current" "says that {version} is SYSCURRENT" "报告 {version} 为 SYSCURRENT";
    failed_with(code, reason) "task.failed-with" "{code}: {reason}" "{code}：{reason}";
    succeeded() "task.succeeded" "SUCCESS" "成功";
    failed() "task.failed" "FAILED" "失败";
    rotation_failed() "task.rotation-failed" "the rotation failed" "轮转失败";
    switched_off(count) "task.switched-off"
        "switched off: {count} scheduled rotations failed in a row"
        "已关闭：连续 {count} 次定时轮转失败";
    not_proven(version, current) "task.not-proven"
        "the function reported {version}, but SYSCURRENT is {current}"
        "函数报告的版本是 {version}，但 SYSCURRENT 是 {current}";
    not_proven_at_all(version) "task.not-proven-at-all"
        "the function reported {version}, but SYSCURRENT is nothing"
        "函数报告的版本是 {version}，但没有标记 SYSCURRENT 的版本";
    secret_gone() "task.secret-gone" "the secret was deleted while it was rotated" "凭据在轮转时被删除";
    reply_without_version() "task.reply-without-version"
        "the function's reply names no version"
        "函数的答复未包含版本";
    reply_unknown() "task.reply-unknown"
        "the function's reply is not of the form {\"status\":\"SUCCESS\",\"version_id\":\"vN\"}"
        "函数的答复不符合 {\"status\":\"SUCCESS\",\"version_id\":\"vN\"} 的格式";
    function_failed(reason) "task.function-failed" "the function failed: {reason}" "函数执行失败：{reason}";
    function_unreachable(reason) "task.function-unreachable"
        "the function was not reached: {reason}"
        "无法调用函数：{reason}";
    no_functiongraph() "task.no-functiongraph"
        "no FunctionGraph endpoint is configured"
        "未配置 FunctionGraph 终端节点";
    function_not_allowed() "task.function-not-allowed"
        "rotation_func_urn names a function of another project, which no entry of function_allow names"
        "rotation_func_urn 指向其他项目的函数，而 function_allow 中没有对应的条目";
    not_prepared(reason) "task.not-prepared" "{reason}" "无法准备函数调用：{reason}";

    secret_not_found() "refusal.secret-not-found" "The secret does not exist" "凭据不存在";
    version_not_found() "refusal.version-not-found" "The secret version does not exist" "凭据版本不存在";
    stage_not_found() "refusal.stage-not-found" "The stage does not exist" "版本状态不存在";
    pending_deletion() "refusal.pending-deletion"
        "The secret is scheduled for deletion and cannot be used; restore it first"
        "凭据已计划删除，无法使用；请先恢复";
    not_enabled(state) "refusal.not-enabled"
        "The secret is {state} and must be ENABLED"
        "凭据状态为 {state}，必须为 ENABLED";
    common_secret() "refusal.common-secret"
        "Secrets of type COMMON are not rotated by the service; create a new version instead"
        "COMMON 类型的凭据不由服务轮转；请创建新版本";
    not_possible(phrase) "refusal.not-possible" "Rotation is not possible: {phrase}" "无法轮转：{phrase}";
    running() "refusal.running" "A rotation of this secret is already running" "该凭据的轮转正在进行";
    replica() "refusal.replica" "The secret is a replica; change its primary" "凭据为副本；请修改主凭据";

    not_configured(reason) "refusal.not-configured" "Rotation is not configured: {reason}" "未配置轮转：{reason}";
    running_because(reason) "refusal.running-because" "Rotation is running: {reason}" "轮转正在进行：{reason}";
    shared_account() "refusal.shared-account"
        "another secret of this project names the same database account and is older, so that one is rotated and this one \
         is not: a rotation of either makes SYSCURRENT of the other wrong; keep each account in one secret: delete one of \
         them or change its account, then rotate again. The log of the server names both secrets"
        "本项目的另一个创建更早的凭据使用同一个数据库账号，因此只轮转该凭据，不轮转此凭据：轮转其中一个会使另一个的 SYSCURRENT \
         失效；每个账号只应保存在一个凭据中：请删除其中一个凭据或修改其账号，然后再次轮转。服务器日志中有这两个凭据的名称";
    not_an_account(version, problems) "refusal.not-an-account"
        "the value of {version} does not describe a database account: {problems}"
        "{version} 的凭据值不是数据库账号：{problems}";
    replica_being_made() "refusal.replica-being-made" "a replica was being made; try again" "正在创建副本；请重试";
    other_server_began() "refusal.other-server-began"
        "another server has begun the scheduled rotation"
        "另一台服务器已开始该定时轮转";
    key_unusable() "refusal.key-unusable"
        "The value cannot be protected or read with its KMS key"
        "无法用 KMS 密钥保护或读取该值";
}

/// Why a rotation does not begin, as a message; `None` for refusals that no rotation meets.
#[must_use]
pub fn refused(refusal: &Refusal) -> Option<Message> {
    Some(match refusal {
        Refusal::SecretNotFound => secret_not_found(),
        Refusal::VersionNotFound => version_not_found(),
        Refusal::StageNotFound => stage_not_found(),
        Refusal::PendingDeletion => pending_deletion(),
        Refusal::NotEnabled(state) => not_enabled(state.as_str()),
        Refusal::CommonSecret => common_secret(),
        Refusal::RotationNotConfigured(reason) => not_possible(*reason),
        Refusal::RotationRunning => running(),
        Refusal::Replica => replica(),
        _ => return None,
    })
}
