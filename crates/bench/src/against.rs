//! `server --against`: reads and durable versions of two binaries of `csms`, interleaved.
//!
//! Both start each round on new data with the same secrets, so that neither has more behind it than the other: whoever writes more in
//! one cell would otherwise be slowed down in the next. Baselines and other products are measured by [`crate::server`].

use std::{path::Path, time::Duration};

use anyhow::Result;
use csms_testbed::server::Server;

use crate::{
    load::Measured,
    server::{Arguments, CONNECTIONS, Target, eprint_progress, options, reads, with_secrets, writes},
    table::{self, millis, rate},
};

/// What is measured of each binary.
const MEASURED: [&str; 2] = ["signed read", "durable version"];

/// One of the two binaries, with what was measured of it in all rounds.
struct Contender<'b> {
    binary: &'b Path,
    /// For each of [`MEASURED`], for each number of connections.
    cells: [[Vec<Measured>; CONNECTIONS.len()]; MEASURED.len()],
}

impl<'b> Contender<'b> {
    fn new(binary: &'b Path) -> Self {
        Self { binary, cells: Default::default() }
    }

    /// Starts the binary on new data.
    async fn start(&self) -> Result<(Server, [Target; MEASURED.len()])> {
        let server = Server::start(options(self.binary)).await?;
        let at = (vec![with_secrets(&server).await?], vec![server.id()]);
        let [read, write] = MEASURED;
        let targets =
            [Target::new(read, at.clone(), reads(&server)?, &[]), Target::new(write, at, writes(&server)?, &[])];
        Ok((server, targets))
    }

    fn median(&self, measured: usize, connections: usize) -> Measured {
        let cells = self.cells.get(measured).and_then(|cells| cells.get(connections));
        let mut cells = cells.cloned().unwrap_or_default();
        cells.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
        cells.get(cells.len() / 2).cloned().unwrap_or_default()
    }
}

/// Runs the comparison.
pub(crate) async fn run(arguments: &Arguments, older: &Path) -> Result<()> {
    let span = Duration::from_millis(arguments.span);
    let mut contenders = [Contender::new(&arguments.csms), Contender::new(older)];
    for round in 1..=arguments.rounds {
        eprint_progress(round, arguments.rounds);
        let mut started = Vec::new();
        for contender in &contenders {
            started.push(contender.start().await?);
        }
        for (connections, number) in CONNECTIONS.into_iter().enumerate() {
            for measured in 0..MEASURED.len() {
                // There and back, so that neither always follows the other; every second round begins with the other.
                let order = if round % 2 == 0 { [0, 1, 1, 0] } else { [1, 0, 0, 1] };
                for contender in order {
                    if let Some(target) = started.get_mut(contender).and_then(|(_, targets)| targets.get_mut(measured))
                    {
                        target.measure(connections, number, span / 2).await?;
                    }
                }
            }
        }
        for (contender, (server, targets)) in contenders.iter_mut().zip(started) {
            for (cells, target) in contender.cells.iter_mut().zip(targets) {
                for (cell, of_round) in cells.iter_mut().zip(target.into_cells()) {
                    cell.extend(of_round);
                }
            }
            server.terminate().await?;
        }
    }
    report(&contenders);
    Ok(())
}

fn report([new, older]: &[Contender<'_>; 2]) {
    let mut rows = Vec::new();
    for (connections, number) in CONNECTIONS.into_iter().enumerate() {
        for (measured, name) in MEASURED.into_iter().enumerate() {
            let (new, older) = (new.median(measured, connections), older.median(measured, connections));
            rows.push(vec![
                format!("{name} at {number}"),
                rate(new.per_second),
                rate(older.per_second),
                format!("{:.2}", new.per_second / older.per_second),
                format!("{}, {}", millis(new.p99), millis(older.p99)),
                format!("{}, {}", new.cpu.as_micros(), older.cpu.as_micros()),
            ]);
        }
    }
    table::print(&["", "per second", "older", "ratio", "p99 ms, older", "CPU µs, older"], &rows);
}
