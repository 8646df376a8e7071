//! An attempt: what its steps came to, and how its failures are put together.

use alloc::vec::Vec;

use super::{Message, messages};

messages! {
    detailed(what, detail) "attempt.detailed" "{what} ({detail})" "{what}（{detail}）";
    remedied(what, remedy) "attempt.remedied" "{what}; {remedy}" "{what}；{remedy}";
    joined(all) "attempt.joined" "{all}" "{all}";
    of_account(account, what) "attempt.of-account" "account {account}: {what}" "账号 {account}：{what}";
    account(user, stage, version, address) "account.version"
        "{user} of {stage} ({version}) at {address}"
        "{user}（{stage} {version}，位于 {address}）";
    account_without_version(user, stage, address) "account.stage"
        "{user} of {stage} at {address}"
        "{user}（{stage}，位于 {address}）";
    idle_account(account, used) "account.idle"
        "{account}, idle while {used} of SYSCURRENT is in use"
        "{account}（闲置，应用正在使用 SYSCURRENT 的 {used}）";
    account_on_server(account, engine, address) "account.on-server"
        "{account} on {engine} at {address}"
        "{account}（{engine}，位于 {address}）";

    stages(pending, current, previous) "attempt.stages"
        "SYSPENDING: {pending}, SYSCURRENT: {current}, SYSPREVIOUS: {previous}"
        "SYSPENDING：{pending}，SYSCURRENT：{current}，SYSPREVIOUS：{previous}";
    version(version) "attempt.version" "{version}" "{version}";
    no_version() "attempt.no-version" "none" "无";
    names_an_account(what) "attempt.names-an-account" "{what} names an account" "{what} 是数据库账号";
    password_elsewhere(count) "attempt.password-elsewhere"
        "members of the value besides password that hold the password too, such as a URL: {count}; a rotation leaves them as \
         they are, so applications that take the password from there will not log in afterwards"
        "凭据值中除 password 外还包含该密码的成员（例如 URL）：{count} 个；轮转不会修改它们，从中读取密码的应用之后将无法登录";
    has_problems(what, count) "attempt.has-problems" "{what} has {count} problems" "{what} 有 {count} 处问题";
    by(setter, what) "attempt.by" "by {setter}: {what}" "由{setter}执行：{what}";
    stage_moved(from, to) "attempt.stage-moved" "SYSCURRENT from {from} to {to}" "SYSCURRENT 从 {from} 移到 {to}";
    label_removed() "attempt.label-removed" "removed" "已移除";
    label_left(reason) "attempt.label-left" "left behind: {reason}" "未能移除：{reason}";

    interrupted(step) "attempt.interrupted" "interrupted at {step}" "在 {step} 处中断";
    out_of_time() "attempt.out-of-time" "the attempt ran out of time" "本次尝试超时";
    stage_not_read(stage) "attempt.stage-not-read" "{stage} was not read" "未读取 {stage}";
    admin_not_read() "attempt.admin-not-read" "AdminSecret was not read" "未读取 AdminSecret";
    no_admin_secret() "attempt.no-admin-secret" "no AdminSecret" "没有 AdminSecret";
    no_version_of(stage) "attempt.no-version-of" "no version is {stage}" "没有标记 {stage} 的版本";
    pending_moved() "attempt.pending-moved" "SYSPENDING was moved concurrently" "SYSPENDING 已被同时进行的操作移动";
    current_moved() "attempt.current-moved" "SYSCURRENT was moved concurrently" "SYSCURRENT 已被同时进行的操作移动";
    admin_moved() "attempt.admin-moved"
        "AdminSecret has another value than a moment ago: its own account was being rotated"
        "AdminSecret 的值刚刚发生了变化：管理员账号自身正在轮转";
    next_value(violation) "attempt.next-value" "the next value {violation}" "新的凭据值 {violation}";
    no_random_numbers(error) "attempt.no-random-numbers" "no random numbers: {error}" "无法生成随机数：{error}";
    hosts_differ(used, in_use, idle, idle_host) "attempt.hosts-differ"
        "{used}@{in_use} is in use, and {idle}@{idle_host} would take its turn"
        "正在使用 {used}@{in_use}，将由 {idle}@{idle_host} 接替";

    cannot_read_version(reason) "service.cannot-read-version"
        "could not read a version: {reason}"
        "无法读取版本：{reason}";
    cannot_read_admin(reason) "service.cannot-read-admin"
        "could not read AdminSecret: {reason}"
        "无法读取 AdminSecret：{reason}";
    cannot_read_stage(reason) "service.cannot-read-stage"
        "could not read a stage: {reason}"
        "无法读取版本状态：{reason}";
    cannot_read_pending(reason) "service.cannot-read-pending"
        "could not read SYSPENDING: {reason}"
        "无法读取 SYSPENDING：{reason}";
    cannot_read_current(reason) "service.cannot-read-current"
        "could not read SYSCURRENT: {reason}"
        "无法读取 SYSCURRENT：{reason}";
    cannot_create_pending(reason) "service.cannot-create-pending"
        "could not create the pending version: {reason}"
        "无法创建待生效版本：{reason}";
    cannot_move_current(reason) "service.cannot-move-current"
        "could not move SYSCURRENT: {reason}"
        "无法移动 SYSCURRENT：{reason}";
}

/// Several messages as one: `None` for none, and one alone as it is, so that its code stays visible.
#[must_use]
pub fn together(mut all: Vec<Message>) -> Option<Message> {
    if all.len() > 1 { Some(joined(all)) } else { all.pop() }
}
