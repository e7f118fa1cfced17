//! The SQL of the migrations as text.

use crate::migrations::{folders, sql};

#[test]
fn migrations_use_sql_that_both_databases_accept() {
    let forbidden = [
        "SERIAL",
        "AUTOINCREMENT",
        "IDENTITY",
        "SEQUENCE",
        "RETURNING",
        "ON CONFLICT",
        "ALTER COLUMN",
        "JSON",
        "UUID",
        "TIMESTAMPTZ",
        "BLOB",
        "BYTEA",
        "VARCHAR",
        "REAL",
        "DOUBLE",
        "WITHOUT ROWID",
        "STRICT",
        "CURRENT_TIMESTAMP",
        "NOW(",
        "IF NOT EXISTS",
        "IF EXISTS",
    ];
    let types = ["TEXT", "BIGINT", "INTEGER", "BOOLEAN", "TIMESTAMP"];
    for folder in folders() {
        for name in ["up.sql", "down.sql"] {
            let text = sql(&folder, name);
            let code: String =
                text.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
            let place = folder.join(name).display().to_string();
            for word in forbidden {
                assert!(!code.to_uppercase().contains(word), "{place}: {word}");
            }
            for table in code.split("CREATE TABLE ").skip(1) {
                let body = table.split_once("(\n").expect("a body").1.split_once("\n);").expect("an end").0;
                let lines: Vec<&str> = body.lines().map(|line| line.trim().trim_end_matches(',')).collect();
                for line in &lines {
                    if let Some(key) = line.strip_prefix("PRIMARY KEY (") {
                        for column in key.trim_end_matches(')').split(", ") {
                            let column = format!("{column} ");
                            let of_key = lines.iter().find(|line| line.starts_with(&column)).expect("the column");
                            assert!(of_key.contains("NOT NULL"), "{place}: {of_key}");
                        }
                        continue;
                    }
                    let kind = line.split_whitespace().nth(1).expect("a type");
                    assert!(types.contains(&kind), "{place}: {line}");
                    assert!(!line.contains("PRIMARY KEY") || line.contains("NOT NULL"), "{place}: {line}");
                }
            }
        }
    }
}
