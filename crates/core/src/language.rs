//! The languages of messages, and the Chinese words for what rules ask for.
//!
//! The sentences stand with what they speak of, in [`crate::problem`] and [`crate::refusal`]; the server answers in
//! English, and forms may ask for either language.

use alloc::{borrow::Cow, format};

/// A language of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English, the language of the API.
    #[default]
    English,
    /// Simplified Chinese, `zh-CN`.
    Chinese,
}

impl Language {
    /// The language for a tag such as `zh-CN` or `en-us`: Chinese for every tag that begins with `zh`, otherwise
    /// English.
    #[must_use]
    pub fn from_tag(tag: &str) -> Self {
        match tag.get(..2) {
            Some(primary) if primary.eq_ignore_ascii_case("zh") => Self::Chinese,
            _ => Self::English,
        }
    }
}

/// Units after a number, in English and in Chinese.
pub const UNITS: &[(&str, &str)] = &[
    ("character long", "个字符"),
    ("characters long", "个字符"),
    ("byte long", "字节"),
    ("bytes long", "字节"),
    ("item", "项"),
    ("items", "项"),
    ("milliseconds", "毫秒"),
];

/// Whole phrases, in English and in Chinese. Patterns and lists of words stand for themselves in every language.
pub const PHRASES: &[(&str, &str)] = &[
    ("1 to 1024 bytes without a zero byte", "1 至 1024 字节且不含零字节"),
    ("1 to 128 bytes without control characters", "1 至 128 字节且不含控制字符"),
    ("8 to 128 characters", "8 至 128 个字符"),
    ("a number from 1 to 200", "1 至 200 的整数"),
    ("active or inactive", "active 或 inactive"),
    ("an action of an operation", "操作的授权项"),
    ("an operation", "API 操作"),
    (
        "an address, a network such as 10.0.0.0/8, a host name, or *.example.com",
        "地址、网段（例如 10.0.0.0/8）、主机名或 *.example.com",
    ),
    ("1 to 64 letters, digits and -_.@=,+", "1 至 64 个字母、数字和 -_.@=,+"),
    ("1 to 64 letters, digits, spaces and -_.@", "1 至 64 个字母、数字、空格和 -_.@"),
    ("postgresql, mysql, mariadb; SQL Server is not supported", "postgresql、mysql、mariadb；不支持 SQL Server"),
    ("a field", "字段名"),
    ("^[A-Za-z0-9_-]{1,36}$, and not all", "^[A-Za-z0-9_-]{1,36}$，且不得为 all"),
    ("policy_document is judged over actions", "policy_document 仅按 actions 判定"),
    ("PEM text with at least one CERTIFICATE", "至少含一个 CERTIFICATE 的 PEM 文本"),
    ("^v[1-9][0-9]{0,9}$ or latest", "^v[1-9][0-9]{0,9}$ 或 latest"),
    ("a JSON object", "JSON 对象"),
    ("no named password policy exists", "没有具名的密码策略"),
    ("a UUID of the form 8-4-4-4-12", "形如 8-4-4-4-12 的 UUID"),
    ("a host name or an IP address", "主机名或 IP 地址"),
    ("a host name or an IP address; the port has a member of its own", "主机名或 IP 地址；端口有其单独的字段"),
    ("the name in the server's certificate", "服务器证书中的名称"),
    ("a member", "字段"),
    ("a list of objects", "对象列表"),
    ("a list of strings", "字符串列表"),
    ("a string", "字符串"),
    ("a string of digits", "由数字组成的字符串"),
    ("a text", "字符串"),
    ("a number of seconds from 900 to 86400", "900 至 86400 的秒数"),
    ("a whole number from 1 to 1000", "1 至 1000 的整数"),
    ("a whole number from 1 to 65535", "1 至 65535 的整数"),
    ("a whole number that is not negative", "非负整数"),
    ("an integer and a unit d, h, m or s, such as 30d", "整数加单位 d、h、m 或 s，例如 30d"),
    ("a notification of the project", "项目中的通知"),
    ("a backup that this installation made of a secret of this project", "本服务为该项目的凭据生成的备份"),
    ("an event of the project", "项目中的事件"),
    ("https://host or http://host:port", "https://host 或 http://host:port"),
    ("it leaves no character", "将没有可用的字符"),
    ("now, in milliseconds since 1970", "当前时间（自 1970 年起的毫秒数）"),
    ("one character of each required class", "每类必需字符各一个的长度"),
    ("secret_string and secret_binary", "secret_string 和 secret_binary"),
    ("secrets of type COMMON are not rotated by the service", "COMMON 类型的凭据不由服务轮转"),
    ("task_id excludes secret_name and status", "task_id 不能与 secret_name 或 status 同时使用"),
    ("text, not binary", "文本，而非二进制"),
    ("the least period allowed, 4h unless the server is set otherwise", "允许的最短周期（默认 4h）"),
    ("the mode that rotation_config names", "rotation_config 中指定的模式"),
    ("the same as agency_name", "与 agency_name 相同"),
    ("true or false", "true 或 false"),
    ("when auto_rotation is true", "auto_rotation 为 true 时"),
    ("when secret_type is RDS-FG or GaussDB-FG", "secret_type 为 RDS-FG 或 GaussDB-FG 时"),
    ("rotation_func_urn is not set", "未设置 rotation_func_urn"),
    ("rotation_config is not set", "未设置 rotation_config"),
    ("rotation_period is required when auto_rotation is true", "auto_rotation 为 true 时必须设置 rotation_period"),
    (
        "MultiUser needs the second account in a version marked SYSPREVIOUS",
        "MultiUser 模式需要由 SYSPREVIOUS 标记的版本保存第二个账号",
    ),
    (
        r#"{"InstanceId":"…","SecretSubType":"SingleUser" or "MultiUser"}"#,
        r#"{"InstanceId":"…","SecretSubType":"SingleUser" 或 "MultiUser"}"#,
    ),
];

/// What a rule asks for, in Chinese; what has no words of a language is left as it is.
pub(crate) fn in_chinese(expected: &str) -> Cow<'_, str> {
    if let Some((_, chinese)) = PHRASES.iter().find(|(english, _)| *english == expected) {
        return Cow::Borrowed(chinese);
    }
    let unit = expected.split_once(' ').and_then(|(number, unit)| {
        let (_, chinese) = UNITS.iter().find(|(english, _)| *english == unit)?;
        number.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("{number} {chinese}"))
    });
    unit.map_or(Cow::Borrowed(expected), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, string::String, vec::Vec};

    use super::*;

    #[test]
    fn a_tag_that_begins_with_zh_is_chinese() {
        for tag in ["zh", "zh-CN", "ZH-Hans", "zh_TW"] {
            assert_eq!(Language::from_tag(tag), Language::Chinese, "{tag}");
        }
        for tag in ["", "z", "en", "en-us", "é"] {
            assert_eq!(Language::from_tag(tag), Language::English, "{tag}");
        }
    }

    #[test]
    fn numbers_keep_their_unit_in_chinese() {
        assert_eq!(in_chinese("64 characters long"), "64 个字符");
        assert_eq!(in_chinese("SUCCESS, FAILED"), "SUCCESS, FAILED");
    }

    /// The text literals in the arguments of every `Violation::new(…)` and `length(…)` below `directory`.
    fn phrases_below(directory: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let path = entry.path();
            // Forms do not ask the Key Management Service, which answers in English.
            if path.ends_with("kms") {
                continue;
            }
            if path.is_dir() {
                phrases_below(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).unwrap();
                let product = source.split("#[cfg(test)]").next().unwrap();
                for start in ["Violation::new(", " length(", "RotationNotConfigured("] {
                    for call in product.split(start).skip(1) {
                        let arguments = call.split(')').next().unwrap();
                        found.extend(arguments.split('"').skip(1).step_by(2).map(String::from));
                    }
                }
            }
        }
    }

    #[test]
    fn every_phrase_of_the_rules_has_chinese_words() {
        let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        phrases_below(&core, &mut found);
        phrases_below(&core.join("../../api/src"), &mut found);
        assert!(found.len() > 40, "{found:?}");
        phrases_below(&core.join("../../wasm/src"), &mut found);
        // Of a list of words, each stands for itself.
        let has_english_words =
            |text: &str| !text.contains([':', '(']) && text.split(", ").any(|item| item.contains(' '));
        let missing: Vec<_> =
            found.iter().filter(|text| has_english_words(text) && in_chinese(text) == text.as_str()).collect();
        assert!(missing.is_empty(), "no Chinese words for {missing:?}");
    }
}
