//! What `csms serve` reports to the service manager that started it, received on a socket as systemd's is.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// Longest wait for a report.
const WAIT: Duration = Duration::from_secs(60);

struct Manager {
    socket: UnixDatagram,
    child: Child,
}

impl Manager {
    fn start(directory: &Path) -> Self {
        let path = directory.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(WAIT)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_csms"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(directory.join("data"));
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "100000");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert!(ready.contains("\"version\":") && ready.contains("\"target\":"), "{ready}");
        Self { socket, child }
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The next report that is not about the watchdog.
    fn next(&self) -> String {
        loop {
            let report = self.receive();
            if !report.contains("WATCHDOG=1") {
                return report;
            }
        }
    }

    fn receive(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_service_manager_learns_of_the_start_the_reload_and_the_end_and_that_the_process_runs() {
    let directory = tempfile::tempdir().unwrap();
    let manager = Manager::start(directory.path());
    let ready = manager.next();
    assert!(ready.contains("READY=1") && ready.contains("STATUS=serving http://127.0.0.1:"), "{ready}");
    while !manager.receive().contains("WATCHDOG=1") {}
    manager.send(Signal::HUP);
    let reloading = manager.next();
    assert!(reloading.contains("RELOADING=1") && reloading.contains("MONOTONIC_USEC="), "{reloading}");
    assert!(manager.next().contains("READY=1"));
    manager.send(Signal::TERM);
    assert!(manager.next().contains("STOPPING=1"));
}
