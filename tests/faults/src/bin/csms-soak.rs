//! `csms-soak --minutes N`: the long run on both stores, one after the other; what it cost is printed at the end. Run by
//! `cargo xtask soak`.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::expect_used, reason = "the figures are what it is for")]

use std::{path::Path, process::ExitCode, time::Duration};

use csms_faults::soak::{Kind, poller, run};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["poll", scene] => match poller::poll(Path::new(scene)).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        ["--seconds", number] => soak(number, 1).await,
        ["--minutes", number] => soak(number, 60).await,
        _ => {
            eprintln!("usage: csms-soak --minutes N | --seconds N");
            ExitCode::FAILURE
        }
    }
}

async fn soak(number: &str, unit: u64) -> ExitCode {
    let Some(seconds) = number.parse().ok().and_then(|number: u64| number.checked_mul(unit)) else {
        eprintln!("{number} is not a number of minutes");
        return ExitCode::FAILURE;
    };
    let program = std::env::current_exe().expect("the path of this program");
    // Half of the time for each store.
    let lasts = Duration::from_secs(seconds) / 2;
    let mut is_clean = true;
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let report = run(kind, lasts, program.clone()).await;
        println!("{report}");
        is_clean &= report.is_clean();
    }
    if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
