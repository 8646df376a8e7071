//! Resident memory of a process, from the kernel.

use anyhow::{Context, Result};

/// Resident memory now, in KiB.
pub(crate) fn resident_kib(process: u32) -> Result<u64> {
    status(process, "VmRSS:")
}

/// The most memory that was ever resident, in KiB.
pub(crate) fn peak_kib(process: u32) -> Result<u64> {
    status(process, "VmHWM:")
}

fn status(process: u32, name: &str) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find(|line| line.starts_with(name)).context("the kernel reports no memory")?;
    let number = line.split_whitespace().nth(1).context("the kernel reports no memory")?;
    Ok(number.parse()?)
}
