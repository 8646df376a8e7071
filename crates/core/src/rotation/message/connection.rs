//! Connections to databases of every kind: addresses, TLS, drivers, and the management service of a cloud.

use super::messages;

messages! {
    said(text) "connection.said" "{text}" "{text}";
    at_address(address, cause) "connection.at-address" "{address}: {cause}" "{address}：{cause}";
    at_address_because(address, cause, detail) "connection.at-address-because"
        "{address}: {cause} {detail}"
        "{address}：{cause}（{detail}）";
    no_answer_in_time() "connection.no-answer" "no answer in time" "未及时响应";
    connection_needed() "connection.needed" "a connection to the database" "与数据库的连接";
    refused() "connection.refused" "connection refused" "连接被拒绝";
    reset() "connection.reset" "connection reset" "连接被重置";
    timed_out() "connection.timed-out" "timed out" "连接超时";
    ended() "connection.ended" "unexpected end of file" "连接意外关闭";
    host_unreachable() "connection.host-unreachable" "host unreachable" "主机不可达";
    network_unreachable() "connection.network-unreachable" "network unreachable" "网络不可达";

    tls_ca(error) "tls.ca" "tls_ca: {error}" "tls_ca：{error}";
    tls_key() "tls.key" "tls_key is not readable PEM" "tls_key 不是可读的 PEM";
    tls_certificate() "tls.certificate" "tls_cert is not readable PEM" "tls_cert 不是可读的 PEM";
    tls_pair(error) "tls.pair" "tls_cert and tls_key: {error}" "tls_cert 和 tls_key：{error}";
    give_ca() "tls.give-ca" "put the CA's certificate into tls_ca" "请在 tls_ca 中填写 CA 证书";
    give_name() "tls.give-name"
        "say \"tls\":\"verify-ca\", or the name that the certificate carries in tls_server_name"
        "请设置 \"tls\":\"verify-ca\"，或在 tls_server_name 中填写证书中的名称";

    other_login() "change.other-login"
        "the login is not the account that is to be changed"
        "登录的账号不是要修改的账号";
    admin_of_other_server() "change.admin-of-other-server"
        "the administrator's value does not name the address at which the account is rotated"
        "管理员的凭据值未填写轮转该账号的地址";
    by_sql_here() "change.by-sql" "passwords are set by SQL here" "此处通过 SQL 设置密码";
    login_needed() "change.login-needed" "a login" "登录信息";

    service() "management.service" "the management service" "云数据库管理服务";
    http(status) "management.http" "HTTP {status}" "HTTP {status}";
    http_code(status, code) "management.http-code" "HTTP {status}, {code}" "HTTP {status}，{code}";
    keeps_no_old() "management.keeps-no-old"
        "the management service keeps no old password"
        "云数据库管理服务不保留旧密码";
    takes_no_host(account) "management.takes-no-host"
        "RDS is given the name of an account without its host, and this one is {account}; set its password by SQL \
         (ROTATE_THROUGH=sql)"
        "RDS 接口只接受账号名称，不含主机，而该账号是 {account}；请通过 SQL 设置其密码（ROTATE_THROUGH=sql）";
    no_address(endpoint) "management.no-address" "{endpoint} is no address" "{endpoint} 不是有效地址";
    no_http_address() "management.no-http-address"
        "the endpoint must be an http:// or https:// address"
        "终端节点必须是 http:// 或 https:// 地址";
    no_tls(error) "management.no-tls" "cannot set up TLS: {error}" "无法设置 TLS：{error}";
    no_http(error) "management.no-http" "cannot set up HTTP: {error}" "无法设置 HTTP：{error}";
}
