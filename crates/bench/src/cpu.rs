//! CPU time of a process and of those that it has started, from the kernel.

use std::{collections::HashMap, fs, time::Duration};

use anyhow::{Context, Result};

/// Clock ticks of a second, which Linux shows to programs as 100 on every machine.
const TICKS: u64 = 100;

/// CPU time of a process, of its living descendants, and of those that have ended and were waited for.
pub(crate) fn of_tree(process: u32) -> Result<Duration> {
    let mut processes = HashMap::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // One that has just ended is no more.
        if let Some(found) = fs::read_to_string(entry.path().join("stat")).ok().as_deref().and_then(parse) {
            processes.insert(id, found);
        }
    }
    processes.get(&process).context("the process has ended")?;
    let belongs = |mut id: u32| {
        while id != process {
            match processes.get(&id) {
                Some((parent, _)) if *parent != id && *parent != 0 => id = *parent,
                _ => return false,
            }
        }
        true
    };
    let ticks: u64 = processes.iter().filter(|(id, _)| belongs(**id)).map(|(_, (_, ticks))| ticks).sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS))
}

/// The parent, and user and system time of the process and of its children that were waited for.
fn parse(stat: &str) -> Option<(u32, u64)> {
    // The name may hold spaces and parentheses.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let ticks = number(11)? + number(12)? + number(13)? + number(14)?;
    Some((u32::try_from(number(1)?).ok()?, ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_move_the_fields() {
        let stat = "42 (a) b (c)) S 7 42 42 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0";
        assert_eq!(parse(stat), Some((7, 100)));
    }

    #[test]
    fn this_process_has_a_time() {
        assert!(of_tree(std::process::id()).is_ok());
    }
}
