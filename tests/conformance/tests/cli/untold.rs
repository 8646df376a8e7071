//! Commands whose standard output takes nothing: they say what they have done all the same. Files that do not fit leave nothing.

use std::{
    fs::{self, File},
    process::{Output, Stdio},
};

use tokio::{process::Command, time::timeout};

use crate::shell::{DEADLINE, Shell};

/// Runs with standard output on a device that is full, and returns what is said on standard error.
async fn untold(shell: &Shell, arguments: &[&str]) -> String {
    let mut command = shell.command(arguments);
    command.stdout(File::create("/dev/full").unwrap());
    said(command, arguments).await
}

async fn said(mut command: Command, arguments: &[&str]) -> String {
    // `output` would take standard output over.
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let output: Output = timeout(DEADLINE, child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_lost_secret_key_is_told_with_the_way_to_another() {
    let shell = Shell::open().await;
    let lost = untold(&shell, &["user", "create", "vf1"]).await;
    assert!(lost.starts_with("csms: user vf1: cannot write to standard output: "), "{lost}");
    assert!(lost.contains("; the user vf1 exists; its secret key is lost: make another with"), "{lost}");
    assert!(lost.contains("`csms user key create vf1` and delete this one with `csms user key delete "), "{lost}");
    assert_eq!(shell.json(&["user", "show", "vf1"]).await["name"], "vf1");
    let lost = untold(&shell, &["user", "key", "create", "vf1"]).await;
    assert!(lost.contains("the access key exists; its secret key is lost"), "{lost}");
    let lost = untold(&shell, &["user", "set-password", "vf1"]).await;
    assert!(lost.contains("set another with `csms user set-password vf1`"), "{lost}");

    let data = shell.server.data().to_str().unwrap().to_owned();
    let lost = untold(&shell, &["user", "create", "vf2", "--offline", "--data", &data]).await;
    assert!(lost.contains("the user vf2 exists; its secret key is lost"), "{lost}");
}

#[tokio::test]
async fn a_secret_key_that_nobody_reads_is_a_failure() {
    let shell = Shell::open().await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let arguments = ["user", "create", "vf1"];
    let mut command = shell.command(&arguments);
    command.stdout(writer);
    assert!(said(command, &arguments).await.contains("its secret key is lost"));
}

#[tokio::test]
async fn what_is_changed_is_told_on_standard_error() {
    let shell = Shell::open().await;
    let value = shell.directory.path().join("value");
    fs::write(&value, "x").unwrap();
    let value = value.to_str().unwrap();
    let told = untold(&shell, &["secret", "create", "db", "--value-file", value]).await;
    assert!(told.ends_with("; the secret is created\n"), "{told}");
    let told = untold(&shell, &["secret", "delete", "db", "--now"]).await;
    assert!(told.ends_with("; db is deleted\n"), "{told}");
}

#[tokio::test]
async fn a_file_that_does_not_fit_is_not_there() {
    let shell = Shell::open().await;
    shell.create("db", b"value").await;
    let path = shell.directory.path().join("out");
    let file = path.to_str().unwrap();
    for arguments in [&["backup", "db", "--file", file][..], &["secret", "export", "db", "--file", file]] {
        let command = shell.command(arguments);
        let mut limited = Command::new("sh");
        // The signal for a file that grows too large would end the command.
        limited.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"]).arg(command.as_std().get_program());
        limited
            .args(arguments)
            .stdout(Stdio::null())
            .env("CSMS_CREDENTIALS", shell.server.credentials_path())
            .kill_on_drop(true);
        let why = said(limited, arguments).await;
        assert!(why.contains(&format!("cannot write {file}: ")), "{why}");
        assert_eq!(fs::read_dir(shell.directory.path()).unwrap().count(), 0, "{arguments:?}");
        shell.printed(arguments).await;
        fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn what_a_restored_snapshot_lacks_is_told() {
    let shell = Shell::open().await;
    let data = shell.server.data().to_owned();
    let (place, file) = (data.to_str().unwrap(), shell.directory.path().join("a.snapshot"));
    let file = file.to_str().unwrap();
    shell.printed(&["snapshot", "create", file, "--data", place]).await;
    shell.create("db", b"value").await;
    shell.server.terminate().await.unwrap();
    for name in ["csms.db", "csms.db-wal", "csms.db-shm"] {
        // A server that ends in order leaves the first one alone.
        let _ = fs::remove_file(data.join(name));
    }
    let told = untold(&shell, &["snapshot", "restore", file, "--data", place]).await;
    assert!(told.starts_with("csms: changes after ") && told.contains(" are lost: "), "{told}");
    assert!(told.ends_with(&format!("; {file} is restored\n")), "{told}");
}
