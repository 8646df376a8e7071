//! `server --against`: reads and durable versions of two binaries of `csms`, interleaved.
//!
//! Both start each round on new data with the same secrets, so that neither has more behind it than the other: whoever writes more in
//! one cell would otherwise be slowed down in the next. Baselines and other products are measured by [`crate::server`].

use std::{path::Path, time::Duration};

use anyhow::Result;
use csms_testbed::server::Server;

use crate::{
    server::{Arguments, CONNECTIONS, Target, eprint_progress, options, reads, with_secrets, writes},
    table::{self, millis, rate},
};

/// What is measured of each binary.
const MEASURED: [&str; 2] = ["signed read", "durable version"];

/// Measurements of each binary in one cell of a round: there and back.
const HALVES: usize = 2;

/// One of the two binaries, with what was measured of it in all rounds.
struct Contender<'b> {
    binary: &'b Path,
    targets: [Target; MEASURED.len()],
}

impl<'b> Contender<'b> {
    fn new(binary: &'b Path) -> Self {
        Self { binary, targets: MEASURED.map(|name| Target::new(name, Default::default(), Vec::new(), &[])) }
    }

    /// Starts the binary on new data, and aims the targets at it.
    async fn start(&mut self) -> Result<Server> {
        let server = Server::start(options(self.binary)).await?;
        let at = (vec![with_secrets(&server).await?], vec![server.id()]);
        for (target, requests) in self.targets.iter_mut().zip([reads(&server)?, writes(&server)?]) {
            target.aim(at.clone(), requests);
        }
        Ok(server)
    }
}

/// Runs the comparison.
pub(crate) async fn run(arguments: &Arguments, older: &Path) -> Result<()> {
    let span = Duration::from_millis(arguments.span);
    let (mut new, mut older) = (Contender::new(&arguments.csms), Contender::new(older));
    for round in 1..=arguments.rounds {
        eprint_progress(round, arguments.rounds);
        // Every second round begins with the other, in starting, too.
        let servers = if round % 2 == 0 {
            [new.start().await?, older.start().await?]
        } else {
            [older.start().await?, new.start().await?]
        };
        for (index, connections) in CONNECTIONS.into_iter().enumerate() {
            for pair in new.targets.iter_mut().zip(&mut older.targets) {
                // There and back, so that neither always follows the other, and what slows the machine down slows down both.
                let (first, second) = if round % 2 == 0 { pair } else { (pair.1, pair.0) };
                first.measure(index, connections, span / 2).await?;
                second.measure(index, connections, span / 2).await?;
                second.measure(index, connections, span / 2).await?;
                first.measure(index, connections, span / 2).await?;
            }
        }
        for server in servers {
            server.terminate().await?;
        }
    }
    report(&new, &older);
    Ok(())
}

fn report(new: &Contender<'_>, older: &Contender<'_>) {
    let mut rows = Vec::new();
    for (index, connections) in CONNECTIONS.into_iter().enumerate() {
        for ((name, new), older) in MEASURED.into_iter().zip(&new.targets).zip(&older.targets) {
            let ratio = ratio_of_rounds(&new.rates(index), &older.rates(index));
            let (new, older) = (new.median(index), older.median(index));
            rows.push(vec![
                format!("{name} at {connections}"),
                rate(new.per_second),
                rate(older.per_second),
                format!("{ratio:.2}"),
                format!("{}, {}", millis(new.p99), millis(older.p99)),
                format!("{}, {}", new.cpu.as_micros(), older.cpu.as_micros()),
            ]);
        }
    }
    table::print(&["", "per second", "older", "ratio", "p99 ms, older", "CPU µs, older"], &rows);
}

/// The median of the ratios that the rounds came to. A round takes seconds, in which a machine's speed changes less than from the
/// first round to the last.
fn ratio_of_rounds(new: &[f64], older: &[f64]) -> f64 {
    let sums = |rates: &[f64]| rates.chunks(HALVES).map(|halves| halves.iter().sum::<f64>()).collect::<Vec<_>>();
    let mut ratios = sums(new).into_iter().zip(sums(older)).map(|(new, older)| new / older).collect::<Vec<_>>();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::ratio_of_rounds;

    #[test]
    fn a_machine_that_slows_down_changes_no_ratio() {
        // Each round half as fast as the one before it; the new binary is always a tenth faster.
        let older = [800.0, 800.0, 400.0, 400.0, 200.0, 200.0];
        let new = older.map(|rate| rate * 1.1);
        let ratio = ratio_of_rounds(&new, &older);
        assert!((ratio - 1.1).abs() < 1e-9, "{ratio}");
    }

    #[test]
    fn one_round_that_was_disturbed_changes_no_ratio() {
        let ratio = ratio_of_rounds(&[800.0, 800.0, 100.0, 100.0, 800.0, 800.0], &[800.0; 6]);
        assert!((ratio - 1.0).abs() < 1e-9, "{ratio}");
    }
}
