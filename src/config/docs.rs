//! The generator of docs/settings.md and .env.example, and the test that both files are up to date.

use std::fmt::Write as _;
use std::path::Path;

use super::setting_row::{DefaultValue, SettingInfo};
use super::table;

const UPDATE_COMMAND: &str = "UPDATE_DOCS=1 cargo test --lib config::docs";

const PAGE_START: &str = "\
# Settings

Set an environment variable, pass a flag to `vestibule serve`, or put `NAME=value` lines in a `.env` file in the working
directory ([`.env.example`](../.env.example) is a template). A flag takes precedence over the environment, and the
environment over `.env`. An empty value means the default.

The server checks all settings before it starts and reports every error at once with a hint (exit code 2). Secrets have
no flag, which every user of the machine could read, and a flag whose URL contains a password is rejected. A duration is
a number and a unit: `90s`, `20m`, `12h` or `30d`.
";

const PAGE_END: &str = "
The log warns if `SECRET_KEY` or `ALGORITHM` of the FastAPI tutorial is set: neither is read. Use `JWT_SECRET` and
`JWT_ALGORITHM` instead.
";

const EXAMPLE_START: &str = "\
# Settings of Vestibule with their defaults. Copy this file to .env and uncomment what you change.
# Environment variables take precedence over this file. docs/settings.md has the same list as tables.
";

/// The rows of one group, under its heading.
fn groups() -> impl Iterator<Item = (&'static str, &'static [&'static SettingInfo])> {
    table::ALL.chunk_by(|one, next| one.group == next.group).map(|rows| (rows[0].group, rows))
}

fn page() -> String {
    let mut text = PAGE_START.to_owned();
    for (group, settings) in groups() {
        let _ = write!(text, "\n## {group}\n\n| Setting | Flag | Default | Meaning |\n|---|---|---|---|\n");
        for setting in settings {
            let flag = setting.flag().map_or_else(|| "none".to_owned(), |flag| format!("`--{flag}`"));
            let default = match setting.default {
                DefaultValue::Text(value) => format!("`{value}`"),
                DefaultValue::Described(words) => words.to_owned(),
            };
            let _ = writeln!(text, "| `{}` | {flag} | {default} | {} |", setting.name, setting.help);
        }
    }
    text + PAGE_END
}

fn example() -> String {
    let mut text = EXAMPLE_START.to_owned();
    for (group, settings) in groups() {
        let _ = writeln!(text, "\n# ---- {group}");
        for setting in settings {
            let (name, help) = (setting.name, setting.plain_help());
            let _ = match setting.default {
                DefaultValue::Text(value) => writeln!(text, "\n# {help}\n#{name}={value}"),
                DefaultValue::Described(words) => {
                    writeln!(text, "\n# {help} [default: {}]\n#{name}=", words.replace('`', ""))
                }
            };
        }
    }
    text
}

#[test]
fn settings_page_and_example_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, text) in [("docs/settings.md", page()), (".env.example", example())] {
        let path = root.join(file);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &text).expect("the file is writable");
        }
        let current = std::fs::read_to_string(&path).expect("the file is readable");
        assert!(current == text, "{file} is out of date: run {UPDATE_COMMAND}");
    }
}

#[test]
fn rows_are_unique_grouped_and_described() {
    for setting in table::ALL {
        assert!(setting.help.len() > 10 && !setting.help.ends_with('.'), "{}", setting.name);
        // A `|` would end the cell of the table.
        assert!(!setting.help.contains('|') && !setting.default_text().contains('|'), "{}", setting.name);
        assert_eq!(table::ALL.iter().filter(|other| other.name == setting.name).count(), 1, "{}", setting.name);
    }
    let headings: Vec<&str> = groups().map(|(group, _)| group).collect();
    assert!(headings.iter().all(|heading| headings.iter().filter(|other| *other == heading).count() == 1));
}
