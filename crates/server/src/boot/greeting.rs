//! What a first start says on a terminal beside the ready line: where to sign in, and what is left to do before others rely on
//! it. `csms doctor` goes on saying the latter.

use std::{fmt::Write as _, path::Path};

use super::settings::Settings;

/// The greeting of a server at `url`, whose first start wrote `credentials`.
pub(super) fn greeting(settings: &Settings, url: &str, credentials: &Path) -> String {
    let (url, file) = (settings.public_url.as_deref().unwrap_or(url), credentials.display());
    let mut text = format!(
        "\ncsms is ready, for the first time.\n\n  \
         Console    {url}/\n             \
         sign in as the user_name with the password, or with the access key, in {file}\n  \
         Commands   export CSMS_CREDENTIALS={file}\n             \
         csms secret create db --generate\n\nBefore others rely on it:\n"
    );
    if settings.kms.is_none() && settings.root_key.is_none() {
        let key = settings.root_key_file.display();
        let beside =
            if is_beside(&settings.root_key_file, credentials) { " lies beside the data that it protects" } else { "" };
        // Writing to a string never fails.
        let _ = writeln!(
            text,
            "  - {key}{beside}: back it up apart from the data. Without it no value can be read, and whoever has both reads \
             all of them."
        );
    }
    let _ = writeln!(
        text,
        "  - {file} holds the keys of an administrator: move it to whoever administers csms. The server does not need it."
    );
    text.push_str("\n`csms doctor` says what is left of this.\n\n");
    text
}

fn is_beside(key: &Path, credentials: &Path) -> bool {
    let directory = |path: &Path| path.parent().and_then(|parent| parent.canonicalize().ok());
    directory(key).is_some_and(|of_key| directory(credentials) == Some(of_key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::settings::Flags;

    fn said(flags: Flags, data: &Path) -> String {
        let settings = Flags { data: Some(data.to_owned()), ..flags }.settle().unwrap();
        greeting(&settings, "http://127.0.0.1:7070", &data.join("credentials.json"))
    }

    #[test]
    fn it_says_where_to_sign_in_and_what_lies_where_it_should_not() {
        let data = tempfile::tempdir().unwrap();
        let text = said(Flags::default(), data.path());
        let beside = format!("{} lies beside the data", data.path().join("root.key").display());
        for part in
            ["http://127.0.0.1:7070/", "credentials.json holds the keys of an administrator", &beside, "csms doctor"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_root_key_elsewhere_does_not_lie_beside_the_data() {
        let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let key = other.path().join("root.key");
        let text = said(Flags { root_key_file: Some(key.clone()), ..Flags::default() }, data.path());
        assert!(text.contains(&format!("{}: back it up", key.display())) && !text.contains("lies beside"), "{text}");
    }

    #[test]
    fn the_console_is_at_the_public_address() {
        let data = tempfile::tempdir().unwrap();
        let public = Some("https://csms.example.com".to_owned());
        let text = said(Flags { public_url: public, ..Flags::default() }, data.path());
        assert!(text.contains("https://csms.example.com/") && !text.contains("127.0.0.1"), "{text}");
    }
}
