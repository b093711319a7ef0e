//! Tables as kubectl prints them: the envelope, and how long ago things are.
//!
//! Which columns a kind has is in [`columns`].

mod cells;
mod columns;
mod pod_cells;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kinds::Kind;
use super::representation::{Rows, metadata_only};

/// One column of a kind's table.
pub(super) struct Column {
    name: &'static str,
    /// 0 is always shown, 1 only by `-o wide`.
    priority: u8,
    kind: CellType,
    cell: fn(&Value, Timestamp) -> Value,
}

#[derive(Clone, Copy)]
enum CellType {
    Text,
    Name,
    Number,
}

/// A table of objects.
pub(super) fn table(
    kind: &'static Kind,
    objects: &[Arc<Value>],
    metadata: Value,
    rows: Rows,
    now: Timestamp,
) -> Value {
    let columns = columns::of(kind);
    let definitions: Vec<Value> = columns.iter().map(Column::definition).collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells: Vec<Value> = columns
                .iter()
                .map(|column| (column.cell)(object, now))
                .collect();
            let mut row = json!({"cells": cells});
            match rows {
                Rows::None => {}
                Rows::Metadata => row["object"] = metadata_only(object),
                Rows::Object => row["object"] = Value::clone(object),
            }
            row
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

impl Column {
    const fn new(
        name: &'static str,
        priority: u8,
        kind: CellType,
        cell: fn(&Value, Timestamp) -> Value,
    ) -> Self {
        Self {
            name,
            priority,
            kind,
            cell,
        }
    }

    fn definition(&self) -> Value {
        let (kind, format) = match self.kind {
            CellType::Text => ("string", ""),
            CellType::Name => ("string", "name"),
            CellType::Number => ("integer", ""),
        };
        json!({
            "name": self.name,
            "type": kind,
            "format": format,
            "description": "",
            "priority": self.priority,
        })
    }
}

/// A span of time as kubectl writes ages: `45s`, `3m12s`, `5h`, `2d3h`.
pub(super) fn human_duration(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: i64, unit: char, small: i64, below: char| match small {
        0 => format!("{large}{unit}"),
        small => format!("{large}{unit}{small}{below}"),
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, 'm', seconds % 60, 's'),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, 'h', minutes % 60, 'm'),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 24 * 8 => two(days, 'd', hours % 24, 'h'),
        _ if days < 365 * 2 => format!("{days}d"),
        _ if days < 365 * 8 => two(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

/// How long ago a time of an object was.
fn since(value: &Value, now: Timestamp) -> String {
    let Some(then) = value
        .as_str()
        .and_then(|text| text.parse::<Timestamp>().ok())
    else {
        return "<unknown>".to_owned();
    };
    human_duration(now.duration_since(then).as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_kubectl_writes_them() {
        for (seconds, text) in [
            (-5, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (185, "3m5s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (12_000, "3h20m"),
            (100_000, "27h"),
            (180_000, "2d2h"),
            (86_400 * 8, "8d"),
            (86_400 * 800, "2y70d"),
            (86_400 * 365 * 9, "9y"),
        ] {
            assert_eq!(human_duration(seconds), text);
        }
    }

    #[test]
    fn rows_have_a_cell_for_every_column_of_every_kind_even_for_empty_objects() {
        for kind in &crate::kubernetes::kinds::KINDS {
            let objects = [Arc::new(json!({"metadata": {"name": "x"}}))];
            let table = table(kind, &objects, json!({}), Rows::None, Timestamp::UNIX_EPOCH);
            let columns = table["columnDefinitions"].as_array().unwrap();
            assert!(columns.len() >= 2, "{}", kind.kind);
            assert_eq!(
                columns.len(),
                table["rows"][0]["cells"].as_array().unwrap().len()
            );
            let named = columns.iter().position(|column| column["format"] == "name");
            assert_eq!(table["rows"][0]["cells"][named.unwrap()], "x");
        }
    }
}
