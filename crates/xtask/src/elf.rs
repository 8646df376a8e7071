//! Whether a Linux program is statically linked.
//!
//! Reads the program header table of a 64-bit little-endian ELF file and nothing else.

use anyhow::{Context, Result, bail};

/// The segment that names a dynamic loader.
const PT_INTERP: u32 = 3;

/// Whether the file needs no dynamic loader and so runs on any Linux of its architecture.
pub(crate) fn is_static(file: &[u8]) -> Result<bool> {
    if file.get(..6) != Some(b"\x7fELF\x02\x01") {
        bail!("not a 64-bit little-endian ELF file");
    }
    // Offsets of e_phoff, e_phentsize and e_phnum in the ELF header.
    let table = usize::try_from(u64::from_le_bytes(bytes(file, 32)?))?;
    let entry_size = usize::from(u16::from_le_bytes(bytes(file, 54)?));
    let entries = usize::from(u16::from_le_bytes(bytes(file, 56)?));
    for index in 0..entries {
        let entry = index.checked_mul(entry_size).and_then(|offset| offset.checked_add(table));
        let kind = u32::from_le_bytes(bytes(file, entry.context("damaged ELF header")?)?);
        if kind == PT_INTERP {
            return Ok(false);
        }
    }
    Ok(true)
}

fn bytes<const N: usize>(file: &[u8], offset: usize) -> Result<[u8; N]> {
    file.get(offset..).and_then(|rest| rest.first_chunk()).copied().context("the ELF file is cut off")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with one program header of the given kind.
    fn program(kind: u32) -> Vec<u8> {
        let mut file = vec![0; 64 + 56];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[32..40].copy_from_slice(&64_u64.to_le_bytes());
        file[54..56].copy_from_slice(&56_u16.to_le_bytes());
        file[56..58].copy_from_slice(&1_u16.to_le_bytes());
        file[64..68].copy_from_slice(&kind.to_le_bytes());
        file
    }

    #[test]
    fn a_program_with_a_loader_is_not_static() {
        assert!(!is_static(&program(PT_INTERP)).unwrap());
        assert!(is_static(&program(1)).unwrap());
    }

    #[test]
    fn this_test_needs_a_loader() {
        let file = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(!is_static(&file).unwrap());
    }

    #[test]
    fn a_file_that_is_cut_off_is_refused_at_every_length() {
        let whole = program(1);
        for length in 0..68 {
            assert!(is_static(&whole[..length]).is_err(), "{length} bytes were accepted");
        }
    }

    #[test]
    fn a_script_is_refused() {
        assert!(is_static(b"#!/bin/sh\n").is_err());
    }
}
