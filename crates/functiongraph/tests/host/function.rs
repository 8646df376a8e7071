//! The function under test: does what the event says.

use std::{
    fs,
    path::Path,
    process::{self, Command},
    thread,
    time::Duration,
};

use functiongraph_runtime::{
    Failure,
    guest::{self, Context},
};
use serde_json::{Value, json};

/// Serves events until told to end.
pub(crate) fn run() {
    guest::run(obey).unwrap();
}

fn obey(event: Value, context: &Context) -> Result<Value, Failure> {
    match event["do"].as_str() {
        Some("echo") => Ok(event),
        Some("describe") => Ok(describe(context)),
        Some("log") => {
            println!("to standard output");
            context.info("to standard error");
            Ok(Value::Null)
        }
        Some("chatter") => {
            for number in 0..200_000 {
                println!("chatter {number}");
            }
            Ok(Value::Null)
        }
        Some("fail") => Err(Failure::new("OutOfStock", "none left")),
        Some("panic") => panic!("nothing left"),
        Some("exit") => process::exit(3),
        Some("fill") => Ok(Value::from("x".repeat(usize::try_from(event["bytes"].as_u64().unwrap())?))),
        // Two invocations which meet can only succeed at the same time.
        Some("meet") => {
            write(&event["mine"], "");
            wait_for(&event["other"]);
            Ok(json!(process::id()))
        }
        Some("hang") => {
            let child = Command::new("sleep").arg("1000").spawn()?;
            write(&event["file"], &format!("{} {}", process::id(), child.id()));
            loop {
                thread::sleep(Duration::from_secs(1000));
            }
        }
        other => Err(Failure::new("UnknownOrder", format!("{other:?}"))),
    }
}

/// Everything a function can see, credentials included: they are made up.
fn describe(context: &Context) -> Value {
    let credentials = context
        .credentials()
        .map(|credentials| json!([credentials.access_key(), credentials.secret_key(), credentials.security_token()]));
    let variables: Vec<(String, String)> = std::env::vars().collect();
    json!({
        "pid": process::id(),
        "request_id": context.request_id(),
        "asynchronous": context.is_asynchronous(),
        "credentials": credentials,
        "variables": variables.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "directory": std::env::current_dir().unwrap(),
        "greeting": context.user_data("GREETING"),
    })
}

/// Written beside and renamed, so that whoever waits for the file finds it whole.
fn write(path: &Value, text: &str) {
    let path = Path::new(path.as_str().unwrap());
    let beside = path.with_extension("part");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

/// The test which waits for the result has a deadline of its own.
fn wait_for(path: &Value) {
    while !Path::new(path.as_str().unwrap()).exists() {
        thread::yield_now();
    }
}
