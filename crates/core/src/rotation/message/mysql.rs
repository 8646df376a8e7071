//! MySQL, MariaDB and their kin.

use super::messages;

messages! {
    logged_in(account) "mysql.logged-in" "as {account}" "账号 {account}";
    greeted_by_a_proxy() "mysql.greeted-by-a-proxy"
        "a proxy has greeted the login: it numbers connections otherwise than the server behind it"
        "登录时应答的是代理：其连接编号与后端服务器的不同";
    account(account) "mysql.account" "{account}" "{account}";
    changed(account, remark) "mysql.changed" "{account}; {remark}" "{account}；{remark}";
    change_under_way() "mysql.change-under-way"
        "another change of this account is under way"
        "该账号正在进行另一项修改";
    hash_changed(seen, now) "mysql.hash-changed" "its hash was {seen} and is {now}" "其哈希原为 {seen}，现为 {now}";
    current_not_taken() "mysql.current-not-taken"
        "the server does not take the password in use once more, so it cannot be kept"
        "服务器不接受再次设置正在使用的密码，因此无法保留它";
    old_kept() "mysql.old-kept" "the old password is kept until the next change" "旧密码保留到下次修改";
    into_binary_log() "mysql.into-binary-log"
        "strict_password_validation takes no hash, and the binary log would show the password; grant the \
         administrator UPDATE on mysql.*, or allow it with \"allow_cleartext_password\":true"
        "strict_password_validation 不接受哈希，而二进制日志会显示密码；请授予管理员 mysql.* 的 UPDATE 权限，或设置 \
         \"allow_cleartext_password\":true 予以允许";
    into_general_log() "mysql.into-general-log"
        "strict_password_validation takes no hash, and general_log would show the password"
        "strict_password_validation 不接受哈希，而 general_log 会显示密码";
    strict_in_clear() "mysql.strict-in-clear"
        "strict_password_validation takes no hash, and without TLS the password would cross the network in clear; \
         leave \"tls\":\"disable\" out, or allow it with \"allow_cleartext_password\":true"
        "strict_password_validation 不接受哈希，而不使用 TLS 时密码会以明文经过网络；请去掉 \"tls\":\"disable\"，或设\
         置 \"allow_cleartext_password\":true 予以允许";
    raw_log() "mysql.raw-log"
        "log_raw is on, so general_log would show the password; switch one of them off, or allow it with \"\
         allow_cleartext_password\":true"
        "log_raw 已开启，general_log 会显示密码；请关闭其中之一，或设置 \"allow_cleartext_password\":true 予以允许";
    in_clear() "mysql.in-clear"
        "MySQL takes the password as text, and without TLS it would cross the network in clear; leave \"tls\":\"\
         disable\" out, or allow it with \"allow_cleartext_password\":true"
        "MySQL 接收明文密码，不使用 TLS 时密码会以明文经过网络；请去掉 \"tls\":\"disable\"，或设置 \"\
         allow_cleartext_password\":true 予以允许";
    create_user() "mysql.create-user" "CREATE USER for the administrator" "管理员需要 CREATE USER 权限";
    locked_after(limit) "mysql.locked-after"
        "the account is locked after {limit} failed logins, those of rotations included"
        "登录失败 {limit} 次（包括轮转的登录）后账号会被锁定";
    first_not_seen() "mysql.first-not-seen"
        "the server does not show the account its password hashes, so it is not known whether the stored password is its first one: \
         if it is the second (RETAIN CURRENT PASSWORD), the rotation ends without a change"
        "服务器不向该账号显示其密码哈希，无法确定已保存的密码是否为主密码：如果是第二密码（RETAIN CURRENT PASSWORD），轮转将不做任何更改而\
         结束";
    second_discarded() "mysql.second-discarded"
        "a second password that the account keeps (RETAIN CURRENT PASSWORD), SYSPREVIOUS's or one that was set by hand, would be \
         discarded"
        "账号保留的第二密码（RETAIN CURRENT PASSWORD），无论是 SYSPREVIOUS 的还是手工设置的，都会失效";
    connections_per_hour(limit, needed) "mysql.connections-per-hour"
        "the account admits {limit} connections per hour; this dry run and a rotation make {needed}"
        "账号每小时允许 {limit} 次连接；本次试运行和一次轮转需要 {needed} 次";
    statements_per_hour(limit, needed) "mysql.statements-per-hour"
        "the account admits {limit} statements per hour; a rotation sends at least {needed}"
        "账号每小时允许 {limit} 条语句；一次轮转至少发送 {needed} 条";
    read_only(variable) "mysql.read-only"
        "a server that can be written to: {variable} is on"
        "需要可写的服务器：{variable} 已开启";
    second_stored() "mysql.second-stored"
        "the stored password is the account's second one"
        "已保存的密码是账号的第二密码";
    system_user() "mysql.system-user"
        "SYSTEM_USER for the administrator, which the account has"
        "管理员需要 SYSTEM_USER 权限，因为该账号拥有它";
    no_such_account() "mysql.no-such-account" "no account of this name" "没有该名称的账号";
    unknown_form() "mysql.unknown-form" "SHOW CREATE USER has an unknown form" "SHOW CREATE USER 的格式未知";
    leads_to(account) "mysql.leads-to" "the login leads to {account}" "登录后得到的账号是 {account}";
    leads_elsewhere(account, host) "mysql.leads-elsewhere"
        "the login leads to {account}, and \"Host\" of rotation_config says {host}"
        "登录后得到的账号是 {account}，而 rotation_config 的 \"Host\" 为 {host}";
    would_lose_others(account, plugins) "mysql.would-lose-others"
        "{account} logs in by {plugins} and would lose the others"
        "{account} 可通过 {plugins} 登录，修改后会失去其他登录方式";
    others_keep(plugins) "mysql.others-keep"
        "it logs in by {plugins}, and the passwords of the ways after the first stay as they are"
        "该账号可通过 {plugins} 登录，除第一种以外的密码保持不变";
    not_of_the_first_way(plugins) "mysql.not-of-the-first-way"
        "it logs in by {plugins}, a change replaces the password of the first way, and the stored password is not known to be that \
         one"
        "该账号可通过 {plugins} 登录，修改的是第一种方式的密码，而已保存的密码不能确定是该密码";
    several(hosts) "mysql.several"
        "accounts of this name exist for the hosts {hosts}"
        "该名称的账号存在于以下主机：{hosts}";
    unsupported(account, plugins) "mysql.unsupported"
        "{account} logs in by {plugins}, whose passwords this function cannot set"
        "{account} 通过 {plugins} 登录，本函数无法设置其密码";
    against_the_policy(wanted, account, plugins) "mysql.against-the-policy"
        "authentication_policy wants {wanted}, and {account} logs in by {plugins}"
        "authentication_policy 要求 {wanted}，而 {account} 通过 {plugins} 登录";
    first_factor_alone(what, plugins) "mysql.first-factor-alone"
        "{what}; it logs in by {plugins}, of which this function has the first"
        "{what}；该账号通过 {plugins} 登录，本函数只有其中第一种";
    hash(account, digest) "mysql.hash" "{account}, hash digest {digest}" "{account}，哈希摘要 {digest}";
    admits_only(what, host, client) "mysql.admits-only"
        "{what}; it admits only {host}, and this is {client}"
        "{what}；只允许从 {host} 登录，而当前主机是 {client}";
    shadowed(what, client, host) "mysql.shadowed"
        "{what}; a login from {client} leads, or may lead, to an account for {host}"
        "{what}；从 {client} 登录会得到或可能得到主机为 {host} 的另一个账号";
    asks_for_more(what) "mysql.asks-for-more"
        "{what}; its REQUIRE clause names a subject, an issuer or a cipher, and nothing but a login with the right password shows \
         whether this connection meets it"
        "{what}；该账号的 REQUIRE 子句指定了证书主体、颁发者或加密套件，只有使用正确密码登录才能知道此连接是否符合";
    all_in_use(what, limit) "mysql.all-in-use"
        "{what}; it may have {limit} connections at a time, and they are in use"
        "{what}；该账号同时最多可有 {limit} 个连接，且已全部占用";
    also(what, remark) "mysql.also" "{what}; {remark}" "{what}；{remark}";
    perhaps_admits(what, host, client) "mysql.perhaps-admits"
        "{what}; whether {host} admits the address of {client} is not known"
        "{what}；无法确定 {host} 是否包括 {client} 的地址";
    no_second_passwords() "mysql.no-second-passwords"
        "MySQL 8.0.14 or later, which can keep the old password until the next rotation"
        "需要 MySQL 8.0.14 或更高版本，才能把旧密码保留到下次轮转";
    second_not_granted() "mysql.second-not-granted"
        "the privilege APPLICATION_PASSWORD_ADMIN, to keep the old password until the next rotation"
        "需要 APPLICATION_PASSWORD_ADMIN 权限，才能把旧密码保留到下次轮转";
    breaks_rule(name, value, has) "mysql.breaks-rule"
        "{name} is {value}, and new passwords have {has}"
        "{name} 为 {value}，而新密码只有 {has}";
    too_few_changed(needed, has) "mysql.too-few-changed"
        "the account has to give its old password (PASSWORD REQUIRE CURRENT), and then \
         validate_password.changed_characters_percentage asks for {needed} characters that the old one does not have; \
         new passwords have about {has}, and an administrator need not give the old one"
        "该账号修改密码时须提供旧密码（PASSWORD REQUIRE CURRENT），此时 \
         validate_password.changed_characters_percentage 要求有 {needed} 个旧密码中没有的字符；新密码约有 {has} 个，而管理员\
         无须提供旧密码";

    error(number) "mysql.error" "error {number}" "错误 {number}";
    refused_without_password() "mysql.error-1698"
        "error 1698: a wrong password, or an account that logs in without one (auth_socket, unix_socket), or by a \
         second factor besides"
        "错误 1698：密码错误，或账号不使用密码登录（auth_socket、unix_socket），或还需第二身份验证因素";
    refused() "mysql.error-1045"
        "error 1045: a wrong password, or a host, a client certificate, TLS or a second factor that the account asks \
         for"
        "错误 1045：密码错误，或不满足账号对主机、客户端证书、TLS 或第二身份验证因素的要求";
    not_the_policy() "mysql.error-4058"
        "error 4058: authentication_policy wants another way of logging in than the account's"
        "错误 4058：authentication_policy 要求的登录方式与账号的不同";
    register_second_factor() "mysql.error-4055"
        "error 4055: the account has to register its second factor first"
        "错误 4055：账号须先注册其第二身份验证因素";
    lock_wait() "mysql.error-1205"
        "error 1205: another session holds a lock, a backup for instance"
        "错误 1205：其他会话持有锁，例如正在进行备份";
    compared_with_the_old_one() "mysql.error-4165"
        "error 4165: the account has to give its old password (PASSWORD REQUIRE CURRENT), and \
         validate_password.changed_characters_percentage asks for more characters that the old one does not have than random \
         passwords do; an administrator need not give the old one"
        "错误 4165：该账号修改密码时须提供旧密码（PASSWORD REQUIRE CURRENT），而 \
         validate_password.changed_characters_percentage 要求的不同字符数多于随机密码所能达到的数量；管理员无须提供旧密码";
    init_connect_fails() "mysql.error-1184"
        "error 1184: the server's init_connect fails for this account, which therefore can do nothing"
        "错误 1184：服务器的 init_connect 对该账号执行失败，因此该账号无法执行任何操作";
    unexpected_packet() "mysql.unexpected-packet" "unexpected packet" "收到意外的数据包";
}
