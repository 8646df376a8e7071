//! Causes: why a login or a change did not succeed, and what a person can do about it.

use super::messages;

messages! {
    no_login() "cause.no-login" "the login that was to change the password is refused" "用于修改密码的登录被拒绝";
    unreachable() "cause.unreachable" "the database is not reachable" "无法连接数据库";
    name_unknown() "cause.name-unknown" "the host name does not resolve" "主机名无法解析";
    timed_out() "cause.timed-out" "the database did not answer in time" "数据库未及时响应";
    tls() "cause.tls" "no trusted TLS connection to the database" "无法与数据库建立受信任的 TLS 连接";
    tls_not_offered() "cause.tls-not-offered" "the server speaks no TLS" "服务器不支持 TLS";
    tls_wanted() "cause.tls-wanted" "the account or the server wants TLS" "账号或服务器要求使用 TLS";
    certificate_wanted() "cause.certificate-wanted" "the account wants a client certificate" "账号要求客户端证书";
    other_server() "cause.other-server"
        "this is no server of the engine that the value names"
        "该地址的服务器不是凭据值中 engine 指定的数据库类型";
    pooler() "cause.pooler"
        "a pooler or a proxy answers in the database's place, and what it says proves nothing about the password"
        "应答的是连接池或代理而不是数据库，其应答不能说明密码是否正确";
    busy() "cause.busy" "the database takes no further connection now" "数据库目前不再接受新连接";
    not_ready() "cause.not-ready" "the database is starting or stopping" "数据库正在启动或停止";
    read_only() "cause.read-only" "the database is read-only" "数据库为只读";
    locked() "cause.locked" "the account is locked" "账号已被锁定";
    locked_for_now() "cause.locked-for-now" "the account is locked after failed logins" "账号因登录失败被锁定";
    expired() "cause.expired" "the account or its password has expired" "账号或其密码已过期";
    no_account() "cause.no-account"
        "there is no such account for this host, or its way of logging in is not supported"
        "没有适用于该主机的此账号，或不支持其登录方式";
    host_not_admitted() "cause.host-not-admitted"
        "the account admits no login from this host"
        "账号不允许从该主机登录";
    host_blocked() "cause.host-blocked"
        "the server admits no login from this host, of any account, after connection errors"
        "多次连接出错后，服务器不再允许任何账号从该主机登录";
    no_database() "cause.no-database" "the database does not exist" "数据库不存在";
    no_connect() "cause.no-connect" "the account may not connect to this database" "账号无权连接该数据库";
    barred() "cause.barred" "the account may not log in, or not from here" "账号不允许登录，或不允许从此处登录";
    forbidden() "cause.forbidden"
        "the database does not let this login change the account's password"
        "数据库不允许该登录修改账号的密码";
    not_first() "cause.not-first"
        "the password that was to be replaced is not the account's first one"
        "要替换的密码不是账号的主密码";
    changed() "cause.changed"
        "the account has been changed by another login in the meantime"
        "账号在此期间已被其他登录修改";
    other_account() "cause.other-account" "the login leads to another account" "登录后得到的是另一个账号";
    other_hosts() "cause.other-hosts"
        "the two accounts do not admit the same hosts, so applications could be shut out"
        "两个账号允许的主机不同，应用可能无法登录";
    in_clear() "cause.in-clear" "the new password would be readable by others" "新密码可能被他人读取";
    unsupported() "cause.unsupported" "the account's way of logging in is not supported" "不支持该账号的登录方式";
    other() "cause.other" "the database gave an unexpected answer" "数据库的响应不符合预期";

    remedy_pooler() "remedy.pooler"
        "name the database itself in rotation_host"
        "请在 rotation_host 中填写数据库本身的地址";
    remedy_tls_not_offered() "remedy.tls-not-offered"
        "switch TLS on in the server, or say \"tls\":\"disable\""
        "请在服务器上启用 TLS，或设置 \"tls\":\"disable\"";
    remedy_tls_wanted() "remedy.tls-wanted"
        "leave \"tls\":\"disable\" out of the value"
        "请从凭据值中去掉 \"tls\":\"disable\"";
    remedy_certificate() "remedy.certificate"
        "put a client certificate into tls_cert and its key into tls_key"
        "请在 tls_cert 中填写客户端证书，在 tls_key 中填写其私钥";
    remedy_other_server() "remedy.other-server"
        "check engine and port of the value"
        "请检查凭据值中的 engine 和 port";
    remedy_locked() "remedy.locked" "unlock the account" "请解锁该账号";
    remedy_locked_for_now() "remedy.locked-for-now"
        "where the server does not end that by itself, ALTER USER … ACCOUNT UNLOCK, or on MariaDB FLUSH PRIVILEGES"
        "如果服务器不会自动解锁，请执行 ALTER USER … ACCOUNT UNLOCK，MariaDB 请执行 FLUSH PRIVILEGES";
    remedy_expired() "remedy.expired"
        "renew the account or its password in the database, or name an AdminSecret"
        "请在数据库中为账号或该密码续期（不改变密码），或指定 AdminSecret";
    remedy_expired_alone() "remedy.expired-alone"
        "renew the account or its password in the database"
        "请在数据库中为账号或该密码续期（不改变密码）";
    remedy_first_by_admin() "remedy.first-by-admin"
        "or name an AdminSecret in rotation_config, whose account keeps the first one"
        "或在 rotation_config 中指定 AdminSecret，由该账号保留主密码";
    remedy_host() "remedy.host-not-admitted"
        "admit the rotation function's host, or rotate from one that the account admits"
        "请允许轮转函数所在的主机登录，或从账号允许的主机执行轮转";
    remedy_host_blocked() "remedy.host-blocked"
        "FLUSH HOSTS, or TRUNCATE TABLE performance_schema.host_cache, admits it again"
        "请执行 FLUSH HOSTS 或 TRUNCATE TABLE performance_schema.host_cache 解除";
    remedy_other_hosts() "remedy.other-hosts" "give both accounts the same host part" "请让两个账号的主机部分一致";
    remedy_database() "remedy.no-database"
        "name a database that the account may connect to in dbname"
        "请在 dbname 中填写账号有权连接的数据库";
}
