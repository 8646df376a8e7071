//! The program that FunctionGraph's `bootstrap` starts: it serves events until it is told to stop.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use functiongraph_runtime::guest::{self, Context};
use mimalloc::MiMalloc;
use rotate_database::{handler, service::Service};

/// A login makes and drops many small things, for which the allocator of musl, which static programs would have, takes long.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let served = guest::run_bytes(|event: &[u8], context: &Context| {
        let reply = handler::handle(event, context, Service::connect);
        Ok(serde_json::to_vec(&reply)?)
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever cannot read this sees the exit status.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}
