//! A runtime API which plays a script: what each poll gets, what each report is answered, and what was reported.
//!
//! A fake, because the platform's runtime API runs on the platform only. It speaks HTTP over plain sockets, so that
//! it can also misbehave.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

const DEADLINE: Duration = Duration::from_secs(20);

/// What one poll gets.
pub(crate) enum Step {
    /// An event with these further header lines.
    Event { id: &'static str, headers: Vec<&'static str>, body: Vec<u8> },
    /// An answer without an event.
    Status(u16),
    /// An answer with status 200 and no request id.
    NoRequestId,
    /// The connection is closed without an answer.
    HangUp,
}

pub(crate) fn event(id: &'static str, body: &str) -> Step {
    Step::Event { id, headers: vec![], body: body.as_bytes().to_vec() }
}

/// One report of the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) path: String,
    pub(crate) body: String,
}

pub(crate) fn response(id: &str, body: &str) -> Report {
    Report { path: format!("/v1/runtime/invocation/response/{id}"), body: body.to_owned() }
}

#[derive(Default)]
struct Script {
    polls: VecDeque<Step>,
    report_statuses: VecDeque<u16>,
    reports: Vec<Report>,
    parked: usize,
}

#[derive(Default)]
struct Shared {
    script: Mutex<Script>,
    changed: Condvar,
}

impl Shared {
    fn wait_until(&self, met: impl Fn(&Script) -> bool) -> MutexGuard<'_, Script> {
        let end = Instant::now() + DEADLINE;
        let mut script = self.script.lock().unwrap();
        while !met(&script) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the guest did not get there in time; reports: {:?}", script.reports);
            script = self.changed.wait_timeout(script, left).unwrap().0;
        }
        script
    }
}

pub(crate) struct ScriptedApi {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl ScriptedApi {
    pub(crate) fn start(polls: impl IntoIterator<Item = Step>) -> Self {
        Self::start_with(polls, [])
    }

    /// `report_statuses` answer the first reports; further ones get 200.
    pub(crate) fn start_with(
        polls: impl IntoIterator<Item = Step>,
        report_statuses: impl IntoIterator<Item = u16>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        {
            let mut script = shared.script.lock().unwrap();
            script.polls.extend(polls);
            script.report_statuses.extend(report_statuses);
        }
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&served);
                thread::spawn(move || serve(&shared, &stream.unwrap()));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// The reports, as soon as there are `count` of them.
    pub(crate) fn reports(&self, count: usize) -> Vec<Report> {
        self.shared.wait_until(|script| script.reports.len() >= count).reports.clone()
    }

    /// Returns once the guest is parked in a poll for which the script has nothing.
    pub(crate) fn wait_until_parked(&self) {
        drop(self.shared.wait_until(|script| script.parked > 0));
    }

    /// Every report there is, once the guest is parked: nothing more will come by itself.
    pub(crate) fn all_reports(&self) -> Vec<Report> {
        self.shared.wait_until(|script| script.parked > 0).reports.clone()
    }
}

fn serve(shared: &Shared, stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();

    if first.starts_with("POST ") {
        let mut script = shared.script.lock().unwrap();
        script.reports.push(Report { path, body: String::from_utf8(body).unwrap() });
        let status = script.report_statuses.pop_front().unwrap_or(200);
        shared.changed.notify_all();
        drop(script);
        answer(stream, status, &[], b"");
        return;
    }
    assert_eq!(path, "/v1/runtime/invocation/request");
    let mut script = shared.script.lock().unwrap();
    let Some(step) = script.polls.pop_front() else {
        // A long poll: keep the connection open for as long as the test runs.
        script.parked += 1;
        shared.changed.notify_all();
        drop(script);
        let _ = reader.read(&mut [0]);
        return;
    };
    drop(script);
    match step {
        Step::Event { id, headers, body } => {
            let mut lines = vec![format!("X-Cff-Request-Id: {id}")];
            lines.extend(headers.into_iter().map(str::to_owned));
            answer(stream, 200, &lines, &body);
        }
        Step::Status(status) => answer(stream, status, &[], b"{}"),
        Step::NoRequestId => answer(stream, 200, &[], b"{}"),
        Step::HangUp => {}
    }
}

fn answer(mut stream: &TcpStream, status: u16, headers: &[String], body: &[u8]) {
    let mut head = format!("HTTP/1.1 {status} Status\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for line in headers {
        head.push_str(line);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    // The guest may have gone away; the test sees that elsewhere.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}
