//! The steps of a task by the names that functions and server give them.
//!
//! A step has no fields; its outcome is a message of its own.

use super::Template;

/// Names of steps.
macro_rules! steps {
    ($($code:literal $english:literal $chinese:literal;)*) => {
        /// The steps.
        pub(super) static TEMPLATES: &[Template] = &[$(Template {
            constructor: "",
            code: $code,
            fields: &[],
            english: $english,
            chinese: $chinese,
        }),*];
    };
}

steps! {
    "step.begin" "Begin the rotation" "开始轮转";
    "step.attempt" "Attempt" "尝试";
    "step.take over" "Take the task over from another server" "从其他服务器接管任务";
    "step.read-labels" "Read which versions the stages mark" "读取各版本状态标记的版本";
    "step.read-pending" "Read the version marked SYSPENDING" "读取标记为 SYSPENDING 的版本";
    "step.read-current" "Read the version marked SYSCURRENT" "读取标记为 SYSCURRENT 的版本";
    "step.read-previous" "Read the version marked SYSPREVIOUS" "读取标记为 SYSPREVIOUS 的版本";
    "step.read-admin" "Read the login of the administrator" "读取管理员的登录信息";
    "step.inspect" "Look at the account in the database" "查看数据库中的账号";
    "step.probe-pending" "Log in with the password of SYSPENDING" "使用 SYSPENDING 的密码登录";
    "step.probe-current" "Log in with the password of SYSCURRENT" "使用 SYSCURRENT 的密码登录";
    "step.probe-previous" "Log in with the password of SYSPREVIOUS" "使用 SYSPREVIOUS 的密码登录";
    "step.probe-decoy"
        "Log in with a wrong password, to see whether passwords are checked"
        "使用错误密码登录，确认数据库会校验密码";
    "step.make-pending" "Store a new password, marked SYSPENDING" "保存新密码，标记为 SYSPENDING";
    "step.renew-pending"
        "Store the password of SYSPENDING with the rest of the version it replaces, marked SYSPENDING"
        "以 SYSPENDING 的密码和所替换版本的其余内容保存新版本，标记为 SYSPENDING";
    "step.set-password" "Set the new password in the database" "在数据库中设置新密码";
    "step.move-stages" "Move SYSCURRENT to the new version" "将 SYSCURRENT 移到新版本";
    "step.remove-pending-label" "Take SYSPENDING away" "移除 SYSPENDING";
    "step.function" "Reply of the function" "函数的答复";
    "step.end" "End of the rotation" "轮转结束";
    "step.auto_rotation" "Automatic rotation" "自动轮转";
}
