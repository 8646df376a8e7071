//! PostgreSQL and its kin.

use super::messages;

messages! {
    logged_in(account) "postgresql.logged-in" "as {account}" "账号 {account}";
    role(role) "postgresql.role" "{role}" "{role}";
    acts_as(role) "postgresql.acts-as" "the login acts as {role}" "登录后的身份是 {role}";
    too_old() "postgresql.too-old"
        "PostgreSQL 10 or later, which knows SCRAM-SHA-256"
        "需要支持 SCRAM-SHA-256 的 PostgreSQL 10 或更高版本";
    standby() "postgresql.standby"
        "a server that can be written to: this one is a standby"
        "需要可写的服务器：当前服务器是备机";
    change_disallowed() "postgresql.change-disallowed"
        "credcheck.disallow_change_password is on: the server lets no role change its password"
        "credcheck.disallow_change_password 已开启：服务器不允许任何角色修改密码";
    hashes_disallowed() "postgresql.hashes-disallowed"
        "credcheck.encrypted_password_allowed is off: the server takes passwords as text alone, which its log would \
         show; this function sends hashes"
        "credcheck.encrypted_password_allowed 已关闭：服务器只接受明文密码，而日志会显示明文；本函数只发送哈希";
    because(what, reason) "postgresql.because" "{what}: {reason}" "{what}：{reason}";
    no_standby() "postgresql.no-standby"
        "commits wait for a standby (synchronous_standby_names), and none that counts is connected"
        "提交需等待备机（synchronous_standby_names），但没有符合条件的备机连接";
    standby_hidden() "postgresql.standby-hidden"
        "commits wait for a standby (synchronous_standby_names); whether one that counts is connected, this login may \
         not see (pg_monitor)"
        "提交需等待备机（synchronous_standby_names）；该登录无权查看是否有符合条件的备机连接（pg_monitor）";
    one_password() "postgresql.one-password"
        "PostgreSQL keeps one password for each role; with MultiUser, SYSCURRENT always logs in"
        "PostgreSQL 的每个角色只有一个密码；使用 MultiUser 时 SYSCURRENT 始终可以登录";
    banned_after(limit) "postgresql.banned-after"
        "the role is banned after {limit} failed logins (credcheck.max_auth_failure), those of rotations included"
        "登录失败 {limit} 次（包括轮转的登录，见 credcheck.max_auth_failure）后该角色会被封禁";
    role_expires(date) "postgresql.role-expires"
        "the role expires on {date} (VALID UNTIL), whatever its password"
        "无论密码如何，该角色将于 {date} 过期（VALID UNTIL）";
    password_first() "postgresql.password-first"
        "the server lets the role do nothing before its password has been changed"
        "修改密码之前，服务器不允许该角色执行任何操作";
    rds_password() "postgresql.rds-password"
        "membership in rds_password: rds.restrict_password_commands is on, and leaves passwords to its members"
        "需要是 rds_password 的成员：rds.restrict_password_commands 已开启，只有其成员可以修改密码";
    superuser_for_replication() "postgresql.superuser-for-replication"
        "a superuser as administrator: the account has REPLICATION, and before PostgreSQL 16 nobody else changes such \
         a role"
        "管理员需为超级用户：该账号有 REPLICATION 属性，PostgreSQL 16 之前只有超级用户能修改此类角色";
    createrole() "postgresql.createrole" "CREATEROLE for the administrator" "管理员需要 CREATEROLE";
    superuser_for_superuser() "postgresql.superuser-for-superuser"
        "a superuser as administrator: the account is one"
        "管理员需为超级用户：该账号是超级用户";
    admin_option(role) "postgresql.admin-option"
        "ADMIN OPTION on {role} for the administrator"
        "管理员需要对 {role} 的 ADMIN OPTION";
    hashes_hidden() "postgresql.hashes-hidden" "the administrator may not read pg_authid" "管理员无权读取 pg_authid";
    no_connections(what) "postgresql.no-connections"
        "{what}; its CONNECTION LIMIT is 0"
        "{what}；其 CONNECTION LIMIT 为 0";
    hash(role, digest, kind) "postgresql.hash"
        "{role}, hash digest {digest} ({kind})"
        "{role}，哈希摘要 {digest}（{kind}）";
    no_password(role) "postgresql.no-password"
        "{role}, which has no password in the database: it logs in by something else (LDAP, a certificate), if at all"
        "{role}，在数据库中未设置密码：它以其他方式登录（LDAP、证书），或不能登录";
    not_comparable(what) "postgresql.not-comparable"
        "{what}; a stored password cannot be compared with it: clients write characters beyond ASCII in several ways, \
         or the hash is of a form that is not known here"
        "{what}；某个已保存的密码无法与其比较：客户端对 ASCII 以外字符的编码不同，或哈希格式未知";

    sqlstate(state) "postgresql.sqlstate" "SQLSTATE {state}" "SQLSTATE {state}";
    sqlstate_meaning(state, meaning) "postgresql.sqlstate-meaning"
        "SQLSTATE {state}: {meaning}"
        "SQLSTATE {state}：{meaning}";
    closed_at_login() "postgresql.closed-at-login"
        "the connection was closed during the login; is this a PostgreSQL server?"
        "连接在登录过程中被关闭；这是 PostgreSQL 服务器吗？";
    too_many_iterations(most) "postgresql.too-many-iterations"
        "the server keeps the role's password with more than {most} iterations (scram_iterations), and this function'\
         s driver logs in with no more than that: set the same password again with fewer"
        "服务器保存该角色密码的迭代次数（scram_iterations）超过 {most}，超出了本函数驱动程序登录的上限：请用较少的迭\
         代次数重新设置同一密码";
    login_refused() "postgresql.login-refused"
        "a wrong password, a role that has expired, a hash of another kind than pg_hba.conf asks for, or a client \
         certificate of another name"
        "密码错误、角色已过期、哈希类型与 pg_hba.conf 的要求不符，或客户端证书的名称不符";
    may_not_log_in() "postgresql.may-not-log-in" "the role may not log in" "该角色不允许登录";
    wants_tls() "postgresql.wants-tls"
        "pg_hba.conf lets no such connection in; it may ask for TLS"
        "pg_hba.conf 不允许此类连接；可能要求使用 TLS";
    not_let_in() "postgresql.not-let-in" "pg_hba.conf lets no such connection in" "pg_hba.conf 不允许此类连接";
    login_trigger() "postgresql.login-trigger"
        "a function of the server refuses the session, such as a login event trigger"
        "服务器上的函数拒绝了该会话，例如登录事件触发器";
    checked_elsewhere(method) "postgresql.checked-elsewhere"
        "pg_hba.conf has the password checked by {method} here and not by the database, so that a change in the database would change \
         nothing here and something elsewhere"
        "pg_hba.conf 规定此处由 {method} 而不是数据库校验密码，因此在数据库中修改密码在此处不起作用，却会影响其他登录";
    takes_no_connections() "postgresql.takes-no-connections"
        "the database takes no connections (ALLOW_CONNECTIONS)"
        "该数据库不接受连接（ALLOW_CONNECTIONS）";
    ends_idle_sessions() "postgresql.ends-idle-sessions"
        "the server ends idle sessions (idle_session_timeout)"
        "服务器会结束空闲会话（idle_session_timeout）";
    ends_transactions() "postgresql.ends-transactions"
        "the server ends transactions (transaction_timeout, idle_in_transaction_session_timeout)"
        "服务器会结束事务（transaction_timeout、idle_in_transaction_session_timeout）";
    role_limit() "postgresql.role-limit"
        "the role has as many connections as its CONNECTION LIMIT; with 0 it never logs in"
        "该角色的连接数已达 CONNECTION LIMIT；为 0 时无法登录";
    database_limit() "postgresql.database-limit"
        "the database has as many connections as its CONNECTION LIMIT; with 0 superusers alone log in"
        "该数据库的连接数已达 CONNECTION LIMIT；为 0 时只有超级用户可以登录";
    banned() "postgresql.banned"
        "credcheck has banned the role after failed logins (credcheck.max_auth_failure), of which this may have been \
         the last, with a wrong password; a superuser admits it again with pg_banned_role_reset"
        "credcheck 在登录失败后封禁了该角色（credcheck.max_auth_failure），本次登录可能因密码错误而成为最后一次失败；超\
         级用户可用 pg_banned_role_reset 解除封禁";
    perhaps_banned() "postgresql.perhaps-banned"
        "an extension may have banned the role after failed logins"
        "扩展可能在登录失败后封禁了该角色";

    kept_as_before() "postgresql.kept-as-before"
        "password_encryption is md5, and the new password will be kept as SCRAM-SHA-256, as the present one is"
        "password_encryption 为 md5，新密码仍将与当前密码一样保存为 SCRAM-SHA-256";
    kept_as_scram() "postgresql.kept-as-scram"
        "password_encryption is md5, and the new password will be kept as SCRAM-SHA-256: drivers that know MD5 alone \
         will not log in any more"
        "password_encryption 为 md5，新密码将保存为 SCRAM-SHA-256：只支持 MD5 的驱动程序将无法登录";
    md5_in_the_log(setting) "postgresql.md5-in-the-log"
        "the new password will be kept as an MD5 hash, which logs in as the password does, and the server may write it down ({setting}): \
         set the present password again under password_encryption = 'scram-sha-256' once every driver knows SCRAM-SHA-256, or \
         keep the log to yourself"
        "新密码将保存为 MD5 哈希，该哈希可以像密码一样用于登录，而服务器可能会将其写入日志（{setting}）：请在所有驱动程序都支持 \
         SCRAM-SHA-256 之后，在 password_encryption = 'scram-sha-256' 下重新设置当前密码，或限制对日志的访问";
    kept_as_md5() "postgresql.kept-as-md5"
        "the new password will be kept as an MD5 hash, as the present one is, for drivers that know nothing else; to go over to \
         SCRAM-SHA-256, set the present password again under password_encryption = 'scram-sha-256'"
        "新密码仍将与当前密码一样保存为 MD5 哈希，以便只支持 MD5 的驱动程序继续登录；如需改用 SCRAM-SHA-256，请在 \
         password_encryption = 'scram-sha-256' 下重新设置当前密码";
    perhaps_no_md5() "postgresql.perhaps-no-md5"
        "the new password will be kept as SCRAM-SHA-256; if the present one is kept as an MD5 hash, drivers that know MD5 alone will \
         not log in any more"
        "新密码将保存为 SCRAM-SHA-256；如果当前密码保存为 MD5 哈希，只支持 MD5 的驱动程序将无法登录";
    fewer_iterations(iterations, most) "postgresql.fewer-iterations"
        "scram_iterations is {iterations}, and the new password will be kept with {most}, the most that this function\
         's driver logs in with"
        "scram_iterations 为 {iterations}，新密码将使用 {most} 次迭代保存，这是本函数驱动程序登录的上限";
}
