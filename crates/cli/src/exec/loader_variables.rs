//! Names of environment variables that decide what code a program runs, whom it trusts or where it looks.
//!
//! `csms exec` sets such a variable only when its caller asks for it by name. The list can never be complete, so nothing else
//! depends on it.

use core::fmt::Write as _;

/// A pattern of names: a name, `PREFIX*` or `*SUFFIX`.
type Pattern = &'static str;

/// Names that no option of `csms exec` can set. Compared with case, as the system does.
const FORBIDDEN: [Pattern; 8] = ["LD_*", "DYLD_*", "PATH", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "PYTHONPATH"];

/// Names that are set only when they are asked for one by one, in groups with a title each. Compared without case: some programs
/// read names in small letters, `https_proxy` for instance, and some in either.
pub(super) const GROUPS: [(&str, &[Pattern]); 9] = [
    (
        "Endings that programs share",
        &[
            "*OPTS",
            "*OPTIONS",
            "*_ARGS",
            "*FLAGS",
            "*_PLUGIN",
            "*_PLUGINS",
            "*PATH",
            "*HOME",
            "*_MODULE",
            "*_MODULES",
            "*_LOADER",
            "*_PRELOAD",
            "*_FILENAMES",
            "*_VENDORS",
            "*PAGER",
            "*EDITOR",
            "*BROWSER",
            "*_ASKPASS",
            "*_COMMAND",
            "*_CMD",
            "*_SHELL",
            "*_STARTUP",
            "*_SETTINGS",
            "*_CONF",
            "*_CONFIG_FILE",
            "*_CONFIG_DIR",
            "*_INI",
            "*RC",
            "*PROXY",
            "*_CA_BUNDLE",
            "*_CA_CERTS",
        ],
    ),
    (
        "Loaders and the C library",
        &[
            "LD_*",
            "DYLD_*",
            "GLIBC_*",
            "GETCONF_DIR",
            "HOSTALIASES",
            "LOCALDOMAIN",
            "MALLOC_*",
            "RESOLV_*",
            "TZDIR",
            "VK_*",
            "OCL_*",
            "OPENCL_*",
            "LIBVA_*",
            "LIBGL_*",
            "VDPAU_*",
            "MESA_*",
            "GST_*",
            "GDK_PIXBUF_*",
            "OMP_TOOL*",
            "ODBC*",
            "_*",
        ],
    ),
    (
        "Shells",
        &[
            "IFS",
            "ENV",
            "BASH*",
            "SHELL",
            "COMSPEC",
            "GLOBIGNORE",
            "HISTFILE",
            "KSH_*",
            "POSIXLY_CORRECT",
            "PS0",
            "PS1",
            "PS2",
            "PS3",
            "PS4",
            "ZDOTDIR",
            "FISH_*",
        ],
    ),
    (
        "Interpreters",
        &[
            "PYTHON*",
            "PYTEST_*",
            "COVERAGE_*",
            "PIP_*",
            "UV_*",
            "VIRTUAL_ENV",
            "CONDA_*",
            "FLASK_APP",
            "UWSGI_*",
            "NODE_*",
            "NPM_*",
            "COREPACK_*",
            "TS_NODE_*",
            "YARN_*",
            "DENO_*",
            "BUN_*",
            "PERL*",
            "RUBY*",
            "GEM_*",
            "BUNDLE_*",
            "BUNDLER_*",
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
            "JDK_*",
            "JRE_*",
            "JVM_*",
            "CATALINA_*",
            "MAVEN_*",
            "GRADLE_*",
            "SPRING_APPLICATION_JSON",
            "SPRING_CONFIG_*",
            "QUARKUS_CONFIG_*",
            "LOGBACK_*",
            "DOTNET_*",
            "ASPNETCORE_*",
            "COMPlus_*",
            "CORECLR_*",
            "COR_*",
            "MONO_*",
            "GODEBUG",
            "GOENV",
            "GOROOT",
            "GOTOOLCHAIN",
            "CGO_*",
            "GHCRTS",
            "CARGO_*",
            "RUST*",
            "CC",
            "CXX",
            "CMAKE_*",
            "MAKEFILES",
            "PKG_CONFIG*",
            "CONFIG_SITE",
        ],
    ),
    (
        "Tools that start other programs",
        &[
            "GIT_*",
            "HG*",
            "SVN_*",
            "CVS_*",
            "SSH_*",
            "RSYNC_*",
            "SUDO_*",
            "VISUAL",
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
            "SSL_CERT_*",
            "SSLKEYLOGFILE",
            "OPENSSL_*",
            "GNUTLS_*",
            "CURL_*",
            "KRB5*",
            "PGSERVICE*",
            "PGSYSCONFDIR",
            "PGSSL*",
            "PGPASSFILE",
            "TNS_*",
        ],
    ),
    (
        "Home, language and terminal",
        &[
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

/// Words that no program reads from its environment in small letters, and that members of secrets are called.
pub(super) const ORDINARY: [&str; 11] =
    ["cc", "display", "env", "lang", "language", "mail", "more", "pwd", "temp", "term", "user"];

/// Whether no option of `csms exec` may set this variable.
pub(super) fn is_forbidden(name: &str) -> bool {
    FORBIDDEN.iter().any(|pattern| matches(pattern, name))
}

/// Whether a loader, an interpreter or a common tool is known to read this variable.
pub(super) fn is_listed(name: &str) -> bool {
    if ORDINARY.contains(&name) {
        return false;
    }
    let name = name.to_ascii_uppercase();
    let mut patterns = GROUPS.iter().flat_map(|(_, patterns)| *patterns);
    patterns.any(|pattern| matches(&pattern.to_ascii_uppercase(), &name))
}

fn matches(pattern: &str, name: &str) -> bool {
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
    fn names_are_compared_without_case() {
        for name in instances() {
            assert!(
                ORDINARY.contains(&name.to_ascii_lowercase().as_str()) || is_listed(&name.to_ascii_lowercase()),
                "{name}"
            );
        }
    }

    #[test]
    fn no_pattern_stands_for_names_of_another() {
        let patterns = || GROUPS.iter().flat_map(|(_, patterns)| *patterns);
        for pattern in patterns() {
            let name = pattern.replace('*', "X").to_ascii_uppercase();
            let found: Vec<_> = patterns().filter(|one| matches(&one.to_ascii_uppercase(), &name)).collect();
            assert_eq!(found, [pattern]);
        }
    }

    #[test]
    fn names_that_choose_code_or_a_proxy_are_on_the_list() {
        for name in [
            "https_proxy",
            "all_proxy",
            "HTTPS_PROXY",
            "MANPAGER",
            "PYTEST_ADDOPTS",
            "PYTEST_PLUGINS",
            "GUNICORN_CMD_ARGS",
            "FLASK_APP",
            "DJANGO_SETTINGS_MODULE",
            "CELERY_LOADER",
            "UWSGI_PYTHONPATH",
            "VK_ICD_FILENAMES",
            "LIBVA_DRIVERS_PATH",
            "LIBGL_DRIVERS_PATH",
            "OCL_ICD_VENDORS",
            "ODBCINI",
            "ODBCSYSINI",
            "P11_KIT_MODULE",
            "MYSQL_HOME",
            "PSModulePath",
            "WGETRC",
            "PGSSLROOTCERT",
            "PGPASSFILE",
            "SPRING_APPLICATION_JSON",
            "RESOLV_HOST_CONF",
            "MYVIMRC",
            "ORACLE_HOME",
            "TNS_ADMIN",
            "COMSPEC",
            "__PYVENV_LAUNCHER__",
            "LD_LIBRARY_PATH",
            "GCONV_PATH",
            "NODE_OPTIONS",
            "_JAVA_OPTIONS",
            "GOPROXY",
            "REQUESTS_CA_BUNDLE",
            "PROMPT_COMMAND",
            "INPUTRC",
            "BUNDLER_SETUP",
            "OMP_TOOL_LIBRARIES",
            "GDK_PIXBUF_MODULE_FILE",
            "COREPACK_NPM_REGISTRY",
            "COVERAGE_PROCESS_START",
            "CVS_RSH",
            "TS_NODE_PROJECT",
            "CONFIG_SITE",
            "GHCRTS",
            "LOGBACK_CONFIG",
            "QUARKUS_CONFIG_LOCATIONS",
        ] {
            assert!(is_listed(name), "{name}");
        }
    }

    #[test]
    fn names_of_logins_are_not_on_the_list() {
        for name in [
            "user",
            "user_name",
            "username",
            "password",
            "pwd",
            "host",
            "port",
            "dbname",
            "database",
            "engine",
            "url",
            "env",
            "tls_ca",
            "sslrootcert",
            "DB_HOST",
            "DB_USER",
            "DB_PASSWORD",
            "API_KEY",
            "DATABASE_URL",
            "DJANGO_SECRET_KEY",
            "SPRING_DATASOURCE_PASSWORD",
            "QUARKUS_DATASOURCE_PASSWORD",
            "MYSQL_PASSWORD",
            "PGHOST",
            "PGPASSWORD",
        ] {
            assert!(!is_listed(name), "{name}");
        }
    }
}
