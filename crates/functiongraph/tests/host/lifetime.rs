//! How instances begin, are shared out, and end.

use std::{
    fs,
    io::Read,
    net::TcpListener,
    process::{Command, Stdio},
    time::Duration,
};

use functiongraph_runtime::host::{AsyncRetry, Code, FunctionSettings, Host, HostConfig, Invocation, InvokeError};
use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

use crate::setup::{
    DEADLINE, Fixture, content_of, eventually, function_script, gone, patient, result, urn, write_code,
};

pub(crate) fn tests() -> Vec<Trial> {
    crate::tests![
        a_warm_instance_is_used_again,
        concurrent_invocations_get_instances_of_their_own,
        a_function_at_its_limit_refuses_after_the_queue_time,
        an_idle_instance_is_reclaimed,
        an_instance_which_died_while_idle_is_replaced,
        a_timeout_kills_the_whole_group_and_the_next_event_gets_a_new_instance,
        an_exit_during_an_invocation_fails_it_and_the_next_event_gets_a_new_instance,
        an_exit_before_the_first_poll_fails_the_invocation_with_its_output,
        a_process_which_never_polls_fails_the_invocation,
        a_bootstrap_which_cannot_be_started_fails_the_invocation,
        a_bootstrap_which_has_vanished_fails_the_invocation,
        an_invocation_nobody_waits_for_still_ends_properly,
        a_replaced_function_runs_its_new_code,
        a_forgotten_function_ends_its_instances,
        an_asynchronous_invocation_runs_in_the_background,
        a_failed_asynchronous_invocation_is_repeated,
        a_shut_down_host_leaves_nothing_behind,
        functions_of_a_killed_host_are_killed,
        what_a_killed_host_left_is_removed_by_the_next_one_and_only_that,
        a_guest_parked_in_a_poll_ends_at_sigterm,
    ]
}

async fn pid(fixture: &Fixture) -> u64 {
    fixture.result(json!({"do": "describe"})).await["pid"].as_u64().unwrap()
}

/// The process ids which a hanging invocation writes down: its own and its child's.
async fn pids(fixture: &Fixture) -> [u64; 2] {
    let written = content_of(&fixture.path("pids")).await;
    let mut pids = written.split(' ').map(|pid| pid.parse().unwrap());
    [pids.next().unwrap(), pids.next().unwrap()]
}

fn hang(fixture: &Fixture) -> Value {
    json!({"do": "hang", "file": fixture.path("pids")})
}

async fn a_warm_instance_is_used_again() {
    let fixture = Fixture::with_function(patient()).await;
    let first = pid(&fixture).await;
    assert_eq!(pid(&fixture).await, first);
    assert_eq!(fixture.host.instance_count(&urn()), Some(1));
}

async fn concurrent_invocations_get_instances_of_their_own() {
    let fixture = Fixture::with_function(patient()).await;
    let meet = |mine: &str, other: &str| {
        fixture.result(json!({"do": "meet", "mine": fixture.path(mine), "other": fixture.path(other)}))
    };
    let (one, two) = tokio::join!(meet("one", "two"), meet("two", "one"));
    assert_ne!(one, two);
    assert_eq!(fixture.host.instance_count(&urn()), Some(2));
}

async fn a_function_at_its_limit_refuses_after_the_queue_time() {
    let config = HostConfig { queue_timeout: Duration::from_millis(20), ..HostConfig::default() };
    let fixture = Fixture::with_config(config);
    fixture.register(&function_script(), FunctionSettings { max_instances: 1, ..patient() }).await;
    let running = fixture.send(json!({"do": "meet", "mine": fixture.path("one"), "other": fixture.path("two")}));
    let meanwhile = async {
        content_of(&fixture.path("one")).await;
        assert!(matches!(fixture.send(json!({"do": "echo"})).await, Err(InvokeError::Overloaded)));
        fs::write(fixture.path("two"), "").unwrap();
    };
    let (outcome, ()) = tokio::join!(running, meanwhile);
    assert!(outcome.unwrap().result.is_ok());
}

async fn an_idle_instance_is_reclaimed() {
    let settings = FunctionSettings { idle_timeout: Duration::from_millis(20), ..patient() };
    let fixture = Fixture::with_function(settings).await;
    let pid = pid(&fixture).await;
    eventually("no instance is left", || fixture.host.instance_count(&urn()) == Some(0)).await;
    gone(pid).await;
}

async fn an_instance_which_died_while_idle_is_replaced() {
    let fixture = Fixture::with_function(patient()).await;
    let first = pid(&fixture).await;
    let process = Pid::from_raw(i32::try_from(first).unwrap()).unwrap();
    kill_process(process, Signal::KILL).unwrap();
    // A zombie is not enough: other threads of the process may still hold its connection open.
    eventually("the host has taken note", || test_kill_process(process).is_err()).await;
    assert_ne!(pid(&fixture).await, first);
}

async fn a_timeout_kills_the_whole_group_and_the_next_event_gets_a_new_instance() {
    let fixture =
        Fixture::with_function(FunctionSettings { timeout: Duration::from_secs(1), ..FunctionSettings::default() })
            .await;
    let failed = fixture.send(hang(&fixture)).await.unwrap().result.unwrap_err();
    assert_eq!((failed.code, failed.failure.error_message.as_str()), (4010, "call invoke timeout 1s"));
    let [function, child] = pids(&fixture).await;
    gone(function).await;
    gone(child).await;
    assert_ne!(pid(&fixture).await, function);
}

async fn an_exit_during_an_invocation_fails_it_and_the_next_event_gets_a_new_instance() {
    let fixture = Fixture::with_function(patient()).await;
    let first = pid(&fixture).await;
    let failed = fixture.send(json!({"do": "exit"})).await.unwrap().result.unwrap_err();
    assert_eq!((failed.code, failed.failure.error_message.as_str()), (4204, "runtime process is exited"));
    assert_ne!(pid(&fixture).await, first);
}

async fn an_exit_before_the_first_poll_fails_the_invocation_with_its_output() {
    let fixture = Fixture::with_bootstrap("#!/bin/sh\necho cannot go on\nexit 3\n", patient()).await;
    let outcome = fixture.invoke(Invocation { tail_log: true, ..Invocation::default() }).await.unwrap();
    assert_eq!(outcome.result.unwrap_err().code, 4204);
    assert_eq!(outcome.log_tail, "cannot go on\n");
    assert_eq!(fixture.host.instance_count(&urn()), Some(0));
}

async fn a_process_which_never_polls_fails_the_invocation() {
    let settings = FunctionSettings { init_timeout: Duration::from_millis(50), ..patient() };
    let fixture = Fixture::with_bootstrap("#!/bin/sh\nexec sleep 1000\n", settings).await;
    assert_eq!(fixture.code(json!({})).await, 4211);
    assert_eq!(fixture.host.instance_count(&urn()), Some(0));
}

async fn a_bootstrap_which_cannot_be_started_fails_the_invocation() {
    let fixture = Fixture::with_bootstrap("#!/no/such/interpreter\n", patient()).await;
    assert_eq!(fixture.code(json!({})).await, 4201);
}

async fn a_bootstrap_which_has_vanished_fails_the_invocation() {
    let fixture = Fixture::with_function(patient()).await;
    fs::remove_file(fixture.path("code/bootstrap")).unwrap();
    assert_eq!(fixture.code(json!({})).await, 4202);
}

async fn an_invocation_nobody_waits_for_still_ends_properly() {
    let fixture = Fixture::with_function(FunctionSettings { max_instances: 1, ..patient() }).await;
    let first = pid(&fixture).await;
    let abandoned = fixture.send(json!({"do": "meet", "mine": fixture.path("one"), "other": fixture.path("two")}));
    let started = fixture.path("one");
    tokio::select! {
        _ = abandoned => unreachable!("it waits for a file"),
        _ = content_of(&started) => {}
    }
    fs::write(fixture.path("two"), "").unwrap();
    // The only instance becomes free again.
    assert_eq!(pid(&fixture).await, first);
}

async fn a_replaced_function_runs_its_new_code() {
    let fixture = Fixture::with_function(patient()).await;
    let before = pid(&fixture).await;
    let user_data = [("GREETING".to_owned(), "hello".to_owned())].into();
    fixture.register(&function_script(), FunctionSettings { user_data, ..patient() }).await;
    gone(before).await;
    assert_eq!(fixture.result(json!({"do": "describe"})).await["greeting"], "hello");
}

async fn a_forgotten_function_ends_its_instances() {
    let fixture = Fixture::with_function(patient()).await;
    let pid = pid(&fixture).await;
    assert!(fixture.host.unregister(&urn()).await);
    gone(pid).await;
    assert!(!fixture.host.unregister(&urn()).await);
    assert!(matches!(fixture.send(json!({})).await, Err(InvokeError::UnknownFunction)));
}

async fn an_asynchronous_invocation_runs_in_the_background() {
    let fixture = Fixture::with_function(patient()).await;
    let event = json!({"do": "meet", "mine": fixture.path("one"), "other": fixture.path("two")}).to_string();
    let invocation = Invocation { event: event.into(), ..Invocation::default() };
    let id = fixture.host.invoke_async(&urn(), &invocation, AsyncRetry::default()).unwrap();
    assert_eq!(id.len(), 36);
    content_of(&fixture.path("one")).await;
    fs::write(fixture.path("two"), "").unwrap();
}

async fn a_failed_asynchronous_invocation_is_repeated() {
    // Each attempt leaves a line, then the process ends.
    let script = "#!/bin/sh\necho attempt >> \"$RUNTIME_CODE_ROOT/attempts\"\nexit 1\n";
    let fixture = Fixture::with_bootstrap(script, patient()).await;
    let retry = AsyncRetry { retries: 2, pause: Duration::ZERO };
    fixture.host.invoke_async(&urn(), &Invocation::default(), retry).unwrap();
    let attempts = || fs::read_to_string(fixture.path("code/attempts")).map_or(0, |text| text.lines().count());
    eventually("there are three attempts", || attempts() == 3).await;
}

async fn a_shut_down_host_leaves_nothing_behind() {
    let config = HostConfig { stop_grace: Duration::from_millis(50), ..HostConfig::default() };
    let fixture = Fixture::with_config(config);
    fixture.register(&function_script(), patient()).await;
    let idle = pid(&fixture).await;
    let running = fixture.send(json!({"do": "meet", "mine": fixture.path("one"), "other": fixture.path("two")}));
    let hanging = fixture.send(hang(&fixture));
    let stopping = async {
        content_of(&fixture.path("one")).await;
        let [function, child] = pids(&fixture).await;
        fixture.host.shutdown().await;
        for pid in [idle, function, child] {
            gone(pid).await;
        }
    };
    let (running, hanging, ()) = tokio::join!(running, hanging, stopping);
    assert_eq!(running.unwrap().result.unwrap_err().code, 4204);
    assert_eq!(hanging.unwrap().result.unwrap_err().code, 4204);
    assert!(matches!(fixture.send(json!({})).await, Err(InvokeError::ShutDown)));
    let again = fixture.host.register(urn(), Code::Directory(fixture.path("code")), patient()).await;
    assert!(again.is_err());
}

/// The other side of the next test: a host which is busy until it is killed.
pub(crate) fn run_abandoned_host(directory: &str) {
    crate::setup::block_on(async {
        let directory = std::path::Path::new(directory);
        let scratch_parent = Some(directory.join("scratch"));
        let host = Host::new(HostConfig { scratch_parent, ..HostConfig::default() }).unwrap();
        let code = write_code(directory, &function_script());
        host.register(urn(), Code::Directory(code), patient()).await.unwrap();
        let event = json!({"do": "hang", "file": directory.join("pids")}).to_string().into();
        let outcome = host.invoke(&urn(), Invocation { event, ..Invocation::default() }).await.unwrap();
        unreachable!("{:?}", result(&outcome));
    });
}

async fn functions_of_a_killed_host_are_killed() {
    let fixture = Fixture::empty();
    let mut host = Command::new(std::env::current_exe().unwrap())
        .arg("--abandoned-host")
        .arg(fixture.directory.path())
        .spawn()
        .unwrap();
    let [function, child] = pids(&fixture).await;
    host.kill().unwrap();
    host.wait().unwrap();
    gone(function).await;
    gone(child).await;
}

async fn what_a_killed_host_left_is_removed_by_the_next_one_and_only_that() {
    let fixture = Fixture::with_function(patient()).await;
    pid(&fixture).await;
    let mut host = Command::new(std::env::current_exe().unwrap())
        .arg("--abandoned-host")
        .arg(fixture.directory.path())
        .spawn()
        .unwrap();
    let [function, _] = pids(&fixture).await;
    let directories = || {
        let entries = fs::read_dir(fixture.path("scratch")).unwrap().map(Result::unwrap);
        entries.filter(|entry| entry.file_type().unwrap().is_dir()).count()
    };
    assert_eq!(directories(), 2, "this process's and the other's");
    host.kill().unwrap();
    host.wait().unwrap();
    gone(function).await;
    assert_eq!(directories(), 2);

    let scratch_parent = Some(fixture.path("scratch"));
    let next = Host::new(HostConfig { scratch_parent, ..HostConfig::default() }).unwrap();
    assert_eq!(directories(), 2, "this process's two hosts'");
    pid(&fixture).await;
    drop(next);
    assert_eq!(directories(), 1);
}

async fn a_guest_parked_in_a_poll_ends_at_sigterm() {
    // A runtime API which accepts a poll and never answers.
    let api = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut guest = Command::new(std::env::current_exe().unwrap())
        .arg("--function")
        .env("RUNTIME_API_ADDR", api.local_addr().unwrap().to_string())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let (mut poll, _) = api.accept().unwrap();
    poll.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut start = [0; 4];
    poll.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"GET ");
    kill_process(Pid::from_child(&guest), Signal::TERM).unwrap();
    eventually("the guest has ended", || guest.try_wait().unwrap().is_some()).await;
    assert!(guest.wait().unwrap().success(), "ended by itself, not by the signal");
}
