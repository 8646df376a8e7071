//! Names of environment variables that decide what code a program runs, whom it trusts or where it looks.
//!
//! `csms exec` sets such a variable only when its caller asks for it by name. The list can never be complete, so nothing else
//! depends on it.

use core::fmt::Write as _;

/// A pattern of names: a name, `PREFIX*` or `*SUFFIX`. Compared with case, as the system does.
type Pattern = &'static str;

/// Names that no option of `csms exec` can set.
const FORBIDDEN: [Pattern; 8] = ["LD_*", "DYLD_*", "PATH", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "PYTHONPATH"];

/// Names that are set only when they are asked for one by one, in groups with a title each.
pub(super) const GROUPS: [(&str, &[Pattern]); 8] = [
    (
        "Loaders and the C library",
        &[
            "LD_*",
            "DYLD_*",
            "GLIBC_*",
            "GCONV_PATH",
            "GETCONF_DIR",
            "HOSTALIASES",
            "LIBPATH",
            "LOCALDOMAIN",
            "LOCPATH",
            "MALLOC_*",
            "NLSPATH",
            "RES_OPTIONS",
            "SHLIB_PATH",
            "TZDIR",
            "*_LIBRARY_PATH",
            "*_PRELOAD",
        ],
    ),
    (
        "Shells",
        &[
            "PATH",
            "IFS",
            "ENV",
            "BASH*",
            "SHELL",
            "SHELLOPTS",
            "CDPATH",
            "FPATH",
            "GLOBIGNORE",
            "HISTFILE",
            "INPUTRC",
            "KSH_*",
            "POSIXLY_CORRECT",
            "PROMPT_COMMAND",
            "PS0",
            "PS1",
            "PS2",
            "PS3",
            "PS4",
            "ZDOTDIR",
            "fish_*",
        ],
    ),
    (
        "Interpreters",
        &[
            "PYTHON*",
            "PIP_*",
            "UV_*",
            "VIRTUAL_ENV",
            "CONDA_*",
            "NODE_*",
            "NPM_*",
            "npm_*",
            "YARN_*",
            "DENO_*",
            "BUN_*",
            "PERL*",
            "RUBY*",
            "GEM_*",
            "BUNDLE_*",
            "PHP*",
            "LUA_*",
            "R_*",
            "JULIA_*",
            "TCL*",
            "GUILE_*",
            "ERL_*",
            "ELIXIR_*",
            "OCAML*",
            "CAML*",
        ],
    ),
    (
        "Virtual machines and compilers",
        &[
            "JAVA_*",
            "_JAVA_*",
            "JDK_*",
            "JRE_*",
            "JVM_*",
            "CLASSPATH",
            "CATALINA_*",
            "MAVEN_*",
            "GRADLE_*",
            "DOTNET_*",
            "COMPlus_*",
            "CORECLR_*",
            "COR_*",
            "MONO_*",
            "GODEBUG",
            "GOENV",
            "GOPATH",
            "GOPROXY",
            "GOROOT",
            "GOTOOLCHAIN",
            "CGO_*",
            "CARGO_*",
            "RUST*",
            "CC",
            "CXX",
            "CPATH",
            "CMAKE_*",
            "MAKEFILES",
            "PKG_CONFIG*",
            "*FLAGS",
            "*_OPTIONS",
            "*_OPTS",
        ],
    ),
    (
        "Tools that start other programs",
        &[
            "GIT_*",
            "HG*",
            "SVN_*",
            "SSH_*",
            "RSYNC_*",
            "SUDO_*",
            "BROWSER",
            "EDITOR",
            "VISUAL",
            "PAGER",
            "*_BROWSER",
            "*_EDITOR",
            "*_PAGER",
            "*_ASKPASS",
            "FCEDIT",
            "EXINIT",
            "VIM*",
            "LESS*",
            "MORE",
            "PSQL*",
            "LIBMYSQL_*",
            "DOCKER_*",
            "KUBECONFIG",
            "ANSIBLE_*",
            "SYSTEMD_*",
            "DBUS_*",
            "GTK_*",
            "GIO_*",
            "QT_*",
        ],
    ),
    (
        "Network and trust",
        &[
            "*_PROXY",
            "SSL_CERT_*",
            "SSLKEYLOGFILE",
            "OPENSSL_*",
            "GNUTLS_*",
            "CURL_*",
            "*_CA_BUNDLE",
            "*_CA_CERTS",
            "KRB5*",
            "PGSERVICEFILE",
            "PGSYSCONFDIR",
        ],
    ),
    (
        "Home, language and terminal",
        &[
            "HOME",
            "USER",
            "LOGNAME",
            "MAIL",
            "PWD",
            "OLDPWD",
            "TMPDIR",
            "TMP",
            "TEMP",
            "XDG_*",
            "LANG",
            "LANGUAGE",
            "LC_*",
            "TZ",
            "TERM",
            "TERMCAP",
            "TERMINFO*",
            "DISPLAY",
            "WAYLAND_DISPLAY",
            "XAUTHORITY",
        ],
    ),
    ("Keys and addresses of secret stores", &["CSMS_*", "HUAWEICLOUD_*", "AWS_*", "VAULT_*"]),
];

/// Whether no option of `csms exec` may set this variable.
pub(super) fn is_forbidden(name: &str) -> bool {
    FORBIDDEN.iter().any(|pattern| matches(pattern, name))
}

/// Whether a loader, an interpreter or a common tool is known to read this variable.
pub(super) fn is_listed(name: &str) -> bool {
    GROUPS.iter().flat_map(|(_, patterns)| *patterns).any(|pattern| matches(pattern, name))
}

fn matches(pattern: Pattern, name: &str) -> bool {
    if let Some(end) = pattern.strip_prefix('*') {
        return name.ends_with(end);
    }
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// The groups as text for `--help`.
pub(super) fn description() -> String {
    let mut text = String::new();
    for (title, patterns) in GROUPS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {title}: {}", patterns.join(" "));
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One name for each pattern of the list.
    pub(crate) fn instances() -> impl Iterator<Item = String> {
        let patterns = GROUPS.iter().flat_map(|(_, patterns)| *patterns).chain(&FORBIDDEN);
        patterns.map(|pattern| pattern.replace('*', "X"))
    }

    #[test]
    fn every_pattern_matches_its_names() {
        for name in instances() {
            assert!(is_listed(&name), "{name}");
        }
    }

    #[test]
    fn names_that_no_option_may_set_are_on_the_list_of_the_others_too() {
        for pattern in FORBIDDEN {
            let name = pattern.replace('*', "X");
            assert!(is_forbidden(&name) && is_listed(&name), "{name}");
        }
    }

    #[test]
    fn names_of_logins_are_not_on_the_list() {
        for name in
            ["user", "user_name", "username", "password", "host", "port", "dbname", "engine", "DB_PATH", "PGPASSWORD"]
        {
            assert!(!is_listed(name), "{name}");
        }
    }
}
