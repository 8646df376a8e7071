//! Tables of figures for people, in Markdown so that they can be quoted.

/// Prints a table; the first column is text, the others are figures.
pub(crate) fn print(header: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(header.get(column).map(|cell| cell.chars().count())).max().unwrap_or(0)
    };
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().enumerate().map(|(column, cell)| {
            let width = width(column);
            if column == 0 { format!(" {cell:<width$} ") } else { format!(" {cell:>width$} ") }
        });
        println!("|{}|", padded.collect::<Vec<_>>().join("|"));
    };
    line(header.to_vec());
    let rule = (0..header.len()).map(|column| {
        let dashes = "-".repeat(width(column));
        if column == 0 { format!(" {dashes} ") } else { format!(" {dashes}:") }
    });
    println!("|{}|", rule.collect::<Vec<_>>().join("|"));
    for row in rows {
        line(row.iter().map(String::as_str).collect());
    }
}

/// A number of requests a second.
pub(crate) fn rate(per_second: f64) -> String {
    format!("{per_second:.0}")
}

/// A number of microseconds.
pub(crate) fn micros(micros: f64) -> String {
    if micros < 100.0 { format!("{micros:.1}") } else { format!("{micros:.0}") }
}

/// A duration in milliseconds.
pub(crate) fn millis(duration: std::time::Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1000.0)
}
