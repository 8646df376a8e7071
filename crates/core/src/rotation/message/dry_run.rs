//! A dry run: what a rotation would do, what it would meet, and how it would end.

use super::messages;

messages! {
    would_succeed() "dry-run.would-succeed" "the rotation would succeed" "轮转会成功";
    would_fail(reason) "dry-run.would-fail" "the rotation would fail: {reason}" "轮转会失败：{reason}";
    see_what_is_missing() "dry-run.see-missing" "see what is missing" "请查看缺少的条件";
    two_accounts() "overlap.two-accounts"
        "two accounts take turns, SYSCURRENT always logs in"
        "两个账号轮流使用，SYSCURRENT 始终可以登录";
    until_next_rotation() "overlap.until-next-rotation"
        "the old password works until the next rotation"
        "旧密码在下次轮转前继续有效";
    no_overlap() "overlap.none"
        "none: SYSCURRENT does not log in between the change and the move of the stages"
        "无：从修改密码到移动版本状态期间，SYSCURRENT 无法登录";

    would_be_proven() "dry-run.would-be-proven" "the new password would be proven by a login" "将通过登录验证新密码";
    not_set_yet() "dry-run.not-set-yet" "the new password is not set yet" "新密码尚未设置";
    none_is_tried() "dry-run.none-is-tried"
        "a refused login would lock the account, so none is tried"
        "登录一旦被拒绝就会锁定账号，因此不做尝试";
    would_move(from, to) "dry-run.would-move"
        "SYSCURRENT would move from {from} to {to}, SYSPREVIOUS to {from}"
        "SYSCURRENT 将从 {from} 移到 {to}，SYSPREVIOUS 将移到 {from}";
    would_remove_label() "dry-run.would-remove-label" "SYSPENDING would be removed" "将移除 SYSPENDING";
    would_make(version) "dry-run.would-make"
        "{version} would be made with a new password and marked SYSPENDING"
        "将创建带有新密码的版本 {version} 并标记 SYSPENDING";
    would_renew(version, stage) "dry-run.would-renew"
        "{version} would be made with the password of SYSPENDING and the rest of {stage}, and marked SYSPENDING"
        "将创建版本 {version} 并标记 SYSPENDING，密码取自 SYSPENDING，其余内容取自 {stage}";
    would_refuse() "dry-run.would-refuse" "the database would refuse the new password" "数据库会拒绝新密码";
    would_not_change(setter, cause) "dry-run.would-not-change"
        "{setter} would not change the password: {cause}"
        "{setter}无法修改密码：{cause}";
    would_change(setter, account) "dry-run.would-change"
        "{setter} would change the password of {account}"
        "将由{setter}修改 {account} 的密码";
    not_tried_again() "dry-run.not-tried-again"
        "SYSCURRENT does not log in. A rotation would try SYSPREVIOUS as well; a dry run does not, because servers \
         may lock an account after a few refused logins (FAILED_LOGIN_ATTEMPTS, max_password_errors, \
         credcheck.max_auth_failure)"
        "SYSCURRENT 无法登录。轮转还会尝试 SYSPREVIOUS，试运行则不会，因为登录多次被拒绝后服务器可能锁定账号（\
         FAILED_LOGIN_ATTEMPTS、max_password_errors、credcheck.max_auth_failure）";
    admin_refused() "dry-run.admin-refused"
        "the server refuses the login of AdminSecret; this dry run has tried it once, and each rotation tries it once \
         more, and servers may lock an account after refused logins (FAILED_LOGIN_ATTEMPTS): mend AdminSecret first"
        "服务器拒绝了 AdminSecret 的登录；本次试运行已尝试一次，每次轮转还会再尝试一次，登录多次被拒绝后服务器可能锁\
         定账号（FAILED_LOGIN_ATTEMPTS）：请先修复 AdminSecret";
    rights_not_compared(used, idle) "dry-run.rights-not-compared"
        "the rights of {used} and {idle} could not be compared"
        "无法比较 {used} 和 {idle} 的权限";
    lacks(lacks, has, rights) "dry-run.lacks"
        "{lacks} lacks what {has} has: {rights}"
        "{lacks} 缺少 {has} 拥有的权限：{rights}";
    lacks_more(lacks, has, rights, more) "dry-run.lacks-more"
        "{lacks} lacks what {has} has: {rights}, and {more} more"
        "{lacks} 缺少 {has} 拥有的权限：{rights}，以及另外 {more} 项";
    is_second_password(stage) "dry-run.second-password"
        "{stage} logs in as the account's second password"
        "{stage} 用账号的第二密码登录";
    not_tried_at(address) "dry-run.not-tried-at"
        "applications log in at {address}, where a rotation tries nothing: a pooler there that keeps passwords of its \
         own (auth_file of PgBouncer, mysql_users of ProxySQL) lets nobody in with the new one until it is given it"
        "应用在 {address} 登录，轮转不会在那里做任何尝试：如果那里的连接池自己保存密码（PgBouncer 的 auth_file、ProxySQL \
         的 mysql_users），在更新之前无法用新密码登录";
}
