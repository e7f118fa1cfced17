//! What an import did, or a check found.

use std::collections::BTreeMap;

use serde::Serialize;

use super::check::CheckedRow;

/// The most findings, reasons and roles that a report names; the rest are counted.
const MAX_NAMED: usize = 50;
/// What stands for the reasons or roles beyond [`MAX_NAMED`].
const OTHERS: &str = "(others)";

/// What an import did, or for a check would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ImportReport {
    /// The rows of the file.
    pub rows: u64,
    /// The users that were created.
    pub imported: u64,
    /// The rows whose username is that of a user already; these were not changed.
    pub duplicates: u64,
    /// The rows that cannot be imported.
    pub rejected: u64,
    /// The created users without a password.
    pub without_password: u64,
    /// The created users with a language that this server does not have; it was left out.
    pub unknown_languages: u64,
    /// The created users whose name they could not have chosen themselves.
    pub conspicuous_names: u64,
    /// The hashes of the created users, by format.
    pub formats: BTreeMap<String, FormatReport>,
    /// The created users who have each role.
    pub roles: BTreeMap<String, u64>,
    /// The rejected rows by reason.
    pub reasons: BTreeMap<String, u64>,
    /// The first rejected rows.
    pub first_rejected: Vec<Finding>,
    /// The first duplicates.
    pub first_duplicates: Vec<Finding>,
    /// The first conspicuous names.
    pub first_conspicuous: Vec<Finding>,
}

/// The hashes of one format.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FormatReport {
    /// The number of hashes.
    pub hashes: u64,
    /// The lowest cost, in KiB of Argon2 memory filled.
    pub min_work_kib: u64,
    /// The highest cost.
    pub max_work_kib: u64,
}

/// A row that a report names.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The line, or the number of the user in a realm export.
    pub at: u64,
    /// What was found.
    pub text: String,
}

/// How far an import is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The rows that are done.
    pub rows: u64,
    /// The bytes that were read.
    pub bytes: u64,
}

impl ImportReport {
    pub(super) fn add_imported(&mut self, at: u64, row: &CheckedRow, name_problem: Option<String>) {
        self.imported += 1;
        self.unknown_languages += u64::from(row.is_language_unknown);
        for role in &row.user.roles {
            count(&mut self.roles, role);
        }
        match &row.hash {
            None => self.without_password += 1,
            Some(hash) => {
                let format = self.formats.entry(hash.format.to_owned()).or_default();
                format.min_work_kib =
                    if format.hashes == 0 { hash.work_kib } else { format.min_work_kib.min(hash.work_kib) };
                format.max_work_kib = format.max_work_kib.max(hash.work_kib);
                format.hashes += 1;
            }
        }
        if let Some(problem) = name_problem {
            self.conspicuous_names += 1;
            add(&mut self.first_conspicuous, at, format!("{}: {problem}", row.user.username.as_str()));
        }
    }

    pub(super) fn add_duplicate(&mut self, at: u64, username: &str) {
        self.duplicates += 1;
        add(&mut self.first_duplicates, at, username.to_owned());
    }

    pub(super) fn add_rejected(&mut self, at: u64, reason: &str) {
        self.rejected += 1;
        count(&mut self.reasons, reason);
        add(&mut self.first_rejected, at, reason.to_owned());
    }
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    let name = if counts.len() < MAX_NAMED || counts.contains_key(name) { name } else { OTHERS };
    *counts.entry(name.to_owned()).or_default() += 1;
}

fn add(findings: &mut Vec<Finding>, at: u64, text: String) {
    if findings.len() < MAX_NAMED {
        findings.push(Finding { at, text });
    }
}
