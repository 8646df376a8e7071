//! Decisions of the planner: what it found, and why an attempt ends.

use super::messages;

messages! {
    account_itself(stage) "setter.account" "the account itself with {stage}" "账号自身（使用 {stage}）";
    restored() "setter.restored"
        "the account itself with SYSCURRENT, its second password"
        "账号自身（使用 SYSCURRENT，即其第二密码）";
    administrator() "setter.admin" "the administrator" "管理员";
    management_service() "setter.service" "the management service" "云数据库管理服务";

    accepted() "probe.accepted" "accepted" "登录成功";
    wrong_password() "probe.wrong-password" "wrong password" "密码错误";
    refused() "probe.refused" "refused" "登录被拒绝";
    password_expired() "probe.expired" "the password has expired" "密码已过期";
    unknown(cause) "probe.unknown" "unknown: {cause}" "无法确定：{cause}";

    changed() "change.done" "done" "已完成";
    candidate_refused() "change.refused" "the database refuses the new password" "数据库拒绝了新密码";
    not_changed(cause) "change.not-done" "not done: {cause}" "未完成：{cause}";

    account_read() "inspection.account"
        "the account was read, its password hashes were not"
        "已读取账号，未能读取其密码哈希";
    account_compared(pending, current, previous) "inspection.compared"
        "the account was read; SYSPENDING: {pending}, SYSCURRENT: {current}, SYSPREVIOUS: {previous}"
        "已读取账号；SYSPENDING：{pending}，SYSCURRENT：{current}，SYSPREVIOUS：{previous}";
    second_kept(inspection) "inspection.second"
        "{inspection}; the account keeps a second password"
        "{inspection}；账号保留着第二密码";
    not_admitted(inspection, cause) "inspection.barred"
        "{inspection}; it would not let the rotation in: {cause}"
        "{inspection}；账号不会允许轮转登录：{cause}";
    none_of_this_name() "inspection.none" "no account of this name" "没有该名称的账号";
    several_of_this_name() "inspection.several" "several accounts of this name" "存在多个该名称的账号";
    not_read(cause) "inspection.failed" "not read: {cause}" "未能读取：{cause}";
    not_compared() "match.unknown" "not compared" "未比较";
    first_password() "match.first" "the account's password" "是账号的密码";
    second_password() "match.second" "the account's second password" "是账号的第二密码";
    other_password() "match.neither" "another password" "是其他密码";

    login_unknown(cause) "retry.account-login-unknown"
        "cannot tell whether the account logs in: {cause}"
        "无法确定账号能否登录：{cause}";
    stage_login_unknown(stage, cause) "retry.login-unknown"
        "cannot tell whether {stage} logs in: {cause}"
        "无法确定 {stage} 能否登录：{cause}";
    decoy_unknown(cause) "retry.decoy-unknown"
        "cannot tell whether the database checks passwords: {cause}"
        "无法确定数据库是否校验密码：{cause}";
    not_inspected_yet(cause) "retry.not-inspected"
        "the administrator could not read the account: {cause}"
        "管理员未能读取账号：{cause}";
    password_not_changed(cause) "retry.not-changed" "the password was not changed: {cause}" "密码未修改：{cause}";
    change_unknown(cause) "retry.change-unknown"
        "cannot tell whether the password was changed: {cause}"
        "无法确定密码是否已修改：{cause}";
    change_not_seen() "retry.change-not-seen"
        "the database confirmed the new password but does not accept it"
        "数据库已确认新密码，但用它无法登录";

    no_current_version() "operator.no-current-version"
        "the secret has no SYSCURRENT version"
        "凭据没有标记 SYSCURRENT 的版本";
    no_second_account() "operator.no-second-account"
        "MultiUser needs a version of the second account marked SYSPREVIOUS; create it with version_stages"
        "MultiUser 需要一个标记 SYSPREVIOUS 的第二账号版本；请通过 version_stages 创建";
    same_account_twice() "operator.same-account-twice"
        "SYSCURRENT and SYSPREVIOUS name the same account; MultiUser needs two"
        "SYSCURRENT 和 SYSPREVIOUS 是同一个账号；MultiUser 需要两个账号";
    different_servers() "operator.different-servers"
        "SYSCURRENT and SYSPREVIOUS name accounts of different servers; hosts are compared by their names"
        "SYSCURRENT 和 SYSPREVIOUS 的账号属于不同的服务器；主机按名称比较";
    different_databases() "operator.different-databases"
        "SYSCURRENT and SYSPREVIOUS name different databases in dbname, so each rotation would send applications to \
         the other one; give both versions the same dbname"
        "SYSCURRENT 和 SYSPREVIOUS 的 dbname 不同，每次轮转都会让应用切换到另一个数据库；请让两个版本使用相同的 \
         dbname";
    not_an_account(stage) "operator.not-an-account"
        "the value of {stage} does not describe a database account"
        "{stage} 的凭据值不是数据库账号";
    not_an_account_because(stage, problems) "operator.not-an-account-because"
        "the value of {stage} does not describe a database account: {problems}"
        "{stage} 的凭据值不是数据库账号：{problems}";
    pending_differs(field) "operator.pending-differs"
        "SYSPENDING has another {field} than the version it would replace; delete that stage to start again"
        "SYSPENDING 的 {field} 与它将替换的版本不同；请删除该版本状态后重新轮转";
    account_login_barred(cause) "operator.account-login-barred"
        "the account does not log in: {cause}"
        "账号无法登录：{cause}";
    login_barred(stage, cause) "operator.login-barred" "{stage} does not log in: {cause}" "{stage} 无法登录：{cause}";
    stage_password_expired(stage) "operator.password-expired"
        "{stage} has the right password, but it has expired; renew it in the database, or name an AdminSecret in \
         rotation_config, whose account then sets the new password"
        "{stage} 的密码正确，但已过期；请在数据库中为该密码续期（不改变密码），或在 rotation_config 中指定 \
         AdminSecret，由该账号设置新密码";
    nobody_logs_in() "operator.nobody-logs-in"
        "no stored version of this account logs in. Either its password is none of them, or the database refuses the \
         right one: a role that has expired (VALID UNTIL), an account that does not admit the function's host, a \
         missing client certificate or missing TLS. Do not reset the account's password while applications use it: \
         find out which one they use, and store that as a new SYSCURRENT version; or name an AdminSecret in \
         rotation_config"
        "该账号的所有已保存版本都无法登录。可能账号的密码不在其中，也可能数据库拒绝了正确的密码：角色已过期（VALID \
         UNTIL）、账号不允许函数所在的主机、缺少客户端证书或未使用 TLS。应用使用该账号期间请勿重置其密码：请查明应用\
         使用的密码，并保存为新的 SYSCURRENT 版本；或在 rotation_config 中指定 AdminSecret";
    right_password_refused(refusal, state) "operator.right-password-refused"
        "{refusal}; {state}"
        "{refusal}；{state}";
    right_but_refused(stage, cause) "operator.right-but-refused"
        "{stage} holds the account's password, and the database refuses the login all the same: {cause}"
        "{stage} 的密码就是账号的密码，但数据库仍拒绝登录：{cause}";
    right_but_refused_unseen(stage) "operator.right-but-refused-unseen"
        "{stage} holds the account's password, and the database refuses the login all the same for a reason that the \
         administrator cannot see"
        "{stage} 的密码就是账号的密码，但数据库仍拒绝登录，管理员看不到原因";
    shared_password_refused() "operator.shared-password-refused"
        "SYSPREVIOUS logs in with the very password of SYSCURRENT, which is refused, so that something else in the value of \
         SYSCURRENT is wrong here (tls, tls_cert and tls_key); nothing was changed. Store the password with a connection \
         that the database admits as a new SYSCURRENT version"
        "SYSPREVIOUS 使用与 SYSCURRENT 相同的密码可以登录，而 SYSCURRENT 被拒绝，说明 SYSCURRENT 凭据值中的其他内容在此处不正确（\
         tls、tls_cert 和 tls_key）；未做任何更改。请用数据库允许的连接方式将该密码保存为新的 SYSCURRENT 版本";
    set_earlier() "operator.set-earlier" "an earlier attempt has set it" "该密码由之前的尝试设置";
    nothing_changed() "operator.nothing-changed" "nothing was changed" "未做任何更改";
    account_barred(cause) "operator.account-barred"
        "no stored version logs in, and the account would not let the rotation in with the right password either: \
         {cause}; nothing was changed"
        "所有已保存版本都无法登录，即使密码正确，账号也不会允许轮转登录：{cause}；未做任何更改";
    hashes_unreadable() "operator.hashes-unreadable"
        "no stored version logs in, and the administrator may not read the account's password hash or cannot compare \
         them with it, so the passwords may be right and refused for another reason; nothing was changed. Let the \
         administrator read it (SELECT on mysql.user, or pg_authid), or store the password that applications use as a \
         new SYSCURRENT version"
        "所有已保存版本都无法登录，管理员无权读取账号的密码哈希或无法比较，因此密码可能正确而因其他原因被拒绝；未做任\
         何更改。请授权管理员读取（mysql.user 的 SELECT 权限，或 pg_authid），或将应用使用的密码保存为新的 SYSCURRENT \
         版本";
    password_not_comparable(stage) "operator.password-not-comparable"
        "no stored version logs in, and the password of {stage} has characters outside ASCII, which clients send in \
         different encodings, so it may be the account's although it does not match its hash; nothing was changed. \
         Find out whether applications log in with it; if they do, give the account a password in ASCII and store \
         that as a new SYSCURRENT version"
        "所有已保存版本都无法登录，{stage} 的密码含有 ASCII 以外的字符，各客户端的编码方式不同，因此即使与哈希不符也\
         可能是账号的密码；未做任何更改。请确认应用能否用它登录；如果能，请为账号设置仅含 ASCII 字符的密码，并保存为\
         新的 SYSCURRENT 版本";
    second_password_unknown() "operator.second-password-unknown"
        "the account keeps a second password (RETAIN CURRENT PASSWORD) that no stored version is known to hold; \
         another change would discard it, and applications may use it. Store the password that applications use as a \
         new SYSCURRENT version; or, if nobody uses the second one, ALTER USER … DISCARD OLD PASSWORD, and rotate \
         again"
        "账号保留着第二密码（RETAIN CURRENT PASSWORD），无法确认已保存版本中有该密码；再次修改会使其失效，而应用可能\
         正在使用。请将应用使用的密码保存为新的 SYSCURRENT 版本；如果无人使用第二密码，请执行 ALTER USER … DISCARD OLD \
         PASSWORD，然后再次轮转";
    first_password_unknown() "operator.first-password-unknown"
        "the account's first password is in no stored version: it was set by hand, and the stored one is kept as the \
         second. Nothing was changed. Store the first one as a new SYSCURRENT version; or, if nobody uses it, set the stored one as the \
         first again (ALTER USER … IDENTIFIED BY)"
        "账号的主密码不在任何已保存版本中：它是手工设置的，已保存的密码成为第二密码。未做任何更改。请将主密码保存为新的 SYSCURRENT \
         版本；如果无人使用主密码，请将已保存的密码重新设为主密码（ALTER USER … IDENTIFIED BY）";
    several_accounts() "operator.several-accounts"
        "the database has several accounts of this name, for different hosts; say in \"Host\" of rotation_config \
         which one is meant"
        "数据库中有多个该名称的账号，对应不同的主机；请在 rotation_config 的 \"Host\" 中指明";
    no_account() "operator.no-account" "the database has no account of this name" "数据库中没有该名称的账号";
    change_forbidden() "operator.change-forbidden"
        "the database does not allow the change of the password"
        "数据库不允许修改密码";
    change_barred(cause) "operator.change-barred" "the password was not changed: {cause}" "密码未修改：{cause}";
    not_inspected(cause) "operator.not-inspected"
        "no stored version logs in, and the administrator could not read the account: {cause}; nothing was changed"
        "所有已保存版本都无法登录，管理员也未能读取账号：{cause}；未做任何更改";
    admin_not_an_account() "operator.admin-not-an-account"
        "the value of AdminSecret does not describe a database account"
        "AdminSecret 的凭据值不是数据库账号";
    admin_elsewhere() "operator.admin-elsewhere"
        "AdminSecret names another database server than the one at which the account is rotated; the administrator logs in \
         only where its own value says: in host and port, or in rotation_host and rotation_port, and hosts are compared by their \
         names"
        "AdminSecret 填写的数据库服务器不是轮转该账号的服务器；管理员只在其自身凭据值填写的地址（host 和 port，或 rotation_host 和 \
         rotation_port）登录，主机按名称比较";
    admin_is_the_account() "operator.admin-is-the-account"
        "AdminSecret names the account that is to be changed"
        "AdminSecret 就是要修改的账号";
    admin_refused() "operator.admin-refused"
        "the database refuses the login of AdminSecret: it does not hold the administrator's password, or the \
         administrator may not log in from here. Mend it before another try: every dry run and every rotation logs in \
         with it once, and servers may lock an account after refused logins"
        "数据库拒绝了 AdminSecret 的登录：其中的密码不是管理员的密码，或不允许管理员从此处登录。请先修复再重试：每次\
         试运行和轮转都会用它登录一次，登录多次被拒绝后服务器可能锁定账号";
    passwords_not_checked() "operator.passwords-not-checked"
        "the database accepts any password for this account"
        "数据库接受该账号的任何密码";
    proof_would_lock() "operator.proof-would-lock"
        "the server locks the account after one failed login, and only a failed login would prove here that it checks \
         passwords (PostgreSQL 16 and later say so themselves, where no proxy is in between); allow two failed logins, \
         or exempt the account, and rotate again"
        "登录失败一次后服务器就会锁定账号，而此处只有失败的登录才能证明服务器校验密码（PostgreSQL 16 及更高版本在没有代\
         理时会自行说明）；请允许失败两次，或将该账号设为例外，然后再次轮转";
    resuming_would_lock() "operator.resuming-would-lock"
        "the server locks the account after one failed login, and a rotation that is interrupted after it has changed \
         the password could not go on without one; this attempt has changed nothing. Name an AdminSecret in \
         rotation_config, whose account compares the passwords instead; or allow two failed logins, or exempt the \
         account, and rotate again"
        "登录失败一次后服务器就会锁定账号，而轮转如果在修改密码后中断，必须有一次失败的登录才能继续；本次尝试未做任何更改。\
         请在 rotation_config 中指定 AdminSecret，由该账号比较密码；或允许失败两次，或将该账号设为例外，然后再次轮转";
    candidates_refused() "operator.candidates-refused"
        "the database refuses the new passwords; see its password policy"
        "数据库拒绝了新密码；请查看其密码策略";
}
