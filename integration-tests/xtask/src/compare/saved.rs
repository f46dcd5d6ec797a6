//! A comparison as JSON, written and read back: what was measured once can be printed and drawn again.

use super::rows::ROWS;
use super::stats::Stats;
use super::table::Line;
use serde_json::{Value, json};

/// The machine and the lines.
pub fn write(machine: &str, lines: &[Line]) -> String {
    let lines: Vec<Value> = lines.iter().map(line).collect();
    let saved = json!({ "machine": machine, "lines": lines });
    // One line a row and peer, so that two comparisons can be told apart by eye.
    let mut text = format!("{{\n  \"machine\": {},\n  \"lines\": [\n", saved["machine"]);
    for (i, line) in lines.iter().enumerate() {
        text += &format!("    {line}{}\n", if i + 1 < lines.len() { "," } else { "" });
    }
    text + "  ]\n}\n"
}

fn line(line: &Line) -> Value {
    json!({
        "name": line.row.name,
        "unit": line.row.unit.name(),
        "procs": line.row.procs,
        "peer": line.peer,
        "best": line.best,
        "failed": line.failed,
        "why": line.why,
        "target": line.target.map(number),
        "ratio": line.ratio().map(number),
        "verdict": line.verdict(),
        "g0": line.g0.map(stats),
        "peer_samples": line.stats.map(stats),
    })
}

fn stats(s: Stats) -> Value {
    json!({
        "min": number(s.min),
        "median": number(s.median),
        "max": number(s.max),
        "runs": s.runs,
        "noise": s.noise,
    })
}

/// JSON has no number beyond all numbers.
fn number(value: f64) -> Value {
    if value.is_infinite() { json!("never") } else { json!(value) }
}

/// Reads what [`write()`] wrote; lines of rows or peers that there are no more are an error.
pub fn read(text: &str) -> Result<(String, Vec<Line>), String> {
    let saved: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let machine = saved["machine"].as_str().ok_or("it does not say which machine it was")?;
    let lines = saved["lines"].as_array().ok_or("it has no lines")?;
    let lines: Result<Vec<Line>, String> = lines.iter().map(read_line).collect();
    let mut lines = lines?;
    // In today's order of the rows, whatever it was when they were written.
    lines.sort_by_key(|line| ROWS.iter().position(|row| row.name == line.row.name));
    Ok((machine.into(), lines))
}

fn read_line(line: &Value) -> Result<Line, String> {
    let wrong = || format!("not a line of these rows: {line}");
    let row = ROWS.iter().find(|row| line["name"] == row.name).ok_or_else(wrong)?;
    let peer = row.peers.iter().find(|peer| line["peer"] == **peer).ok_or_else(wrong)?;
    if line["unit"] != row.unit.name() {
        return Err(wrong());
    }
    Ok(Line {
        row,
        g0: read_stats(&line["g0"]).ok_or_else(wrong)?,
        peer,
        stats: read_stats(&line["peer_samples"]).ok_or_else(wrong)?,
        failed: line["failed"].as_bool().ok_or_else(wrong)?,
        // Older files have neither this nor the noise.
        why: line["why"].as_str().unwrap_or("the file does not say why").into(),
        best: line["best"].as_bool().ok_or_else(wrong)?,
        target: read_number(&line["target"]),
    })
}

/// The inner `None`: there were none.
fn read_stats(value: &Value) -> Option<Option<Stats>> {
    if value.is_null() {
        return Some(None);
    }
    Some(Some(Stats {
        min: read_number(&value["min"])?,
        median: read_number(&value["median"])?,
        max: read_number(&value["max"])?,
        runs: usize::try_from(value["runs"].as_u64()?).ok()?,
        noise: value["noise"].as_f64().unwrap_or(0.0),
    }))
}

fn read_number(value: &Value) -> Option<f64> {
    if value == "never" { Some(f64::INFINITY) } else { value.as_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<Line> {
        let stats =
            |v: f64| Some(Stats { min: v / 2.0, median: v, max: v * 2.0, runs: 5, noise: 2.0 });
        let row = |name| ROWS.iter().find(|r| r.name == name).unwrap();
        let line = |name, peer, of, target| Line {
            row: row(name),
            g0: stats(8.5),
            peer,
            stats: of,
            failed: false,
            why: "it is not there".into(),
            best: true,
            target,
        };
        vec![
            line("yield", "go", stats(80.0), Some(10.0)),
            line("yield", "may", None, Some(10.0)),
            line("sleep-busy-p50", "tokio", stats(f64::INFINITY), None),
        ]
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = write("a \"machine\"", &lines());
        let (machine, back) = read(&text).unwrap();
        assert_eq!(machine, "a \"machine\"");
        assert_eq!(back.len(), 3);
        for (a, b) in lines().iter().zip(&back) {
            assert_eq!((a.row.name, a.peer, a.g0, a.stats), (b.row.name, b.peer, b.g0, b.stats));
            assert_eq!((a.best, a.failed, a.target), (b.best, b.failed, b.target));
            assert_eq!(a.why, b.why);
        }
        assert_eq!(write("a \"machine\"", &back), text);
    }

    #[test]
    fn what_is_not_one_of_ours_is_refused() {
        let text = write("m", &lines());
        assert!(read(&text.replace("\"yield\"", "\"yeild\"")).is_err());
        assert!(read(&text.replace("\"unit\":\"ns\"", "\"unit\":\"ms\"")).is_err());
        assert!(read(&text.replace("\"machine\"", "\"host\"")).is_err());
        assert!(read(&text[..text.len() / 2]).is_err() && read("[]").is_err());
    }
}
