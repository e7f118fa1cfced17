//! Warnings at start about a database that others could read or change.

use std::path::Path;

use crate::config::{DatabaseUrl, PostgresUrl, libpq_version};

/// Returns what an administrator should change, each as one sentence.
#[must_use]
pub fn warnings(url: &DatabaseUrl) -> Vec<String> {
    match url {
        DatabaseUrl::Sqlite(path) => file_warnings(path),
        DatabaseUrl::Postgres(postgres) => connection_warnings(postgres, libpq_version()),
    }
}

fn connection_warnings(postgres: &PostgresUrl, libpq_version: i32) -> Vec<String> {
    let mut warnings = Vec::new();
    if postgres.is_exposed() {
        warnings.push(format!(
            "the connection to {postgres} is not protected by verified TLS: who controls the network in between could read and change it; add sslmode=verify-full to DATABASE_URL"
        ));
    }
    if postgres.may_reveal_password(libpq_version) {
        warnings.push(format!(
            "libpq {}.{} sends the password in clear text if the PostgreSQL server asks for it; use libpq 16 or later, or sslmode=verify-full",
            libpq_version / 10_000,
            libpq_version % 10_000
        ));
    }
    warnings
}

#[cfg(unix)]
fn file_warnings(path: &Path) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    let mut warnings = Vec::new();
    if mode(folder) & 0o022 != 0 {
        warnings.push(format!(
            "other users can write to the folder {}, and could replace the database and the server key: run chmod go-w on it",
            folder.display()
        ));
    }
    if mode(path) & 0o077 != 0 {
        warnings.push(format!(
            "other users can read or change the database {}, which contains password hashes: run chmod 600 on it",
            path.display()
        ));
    }
    if std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        warnings.push(format!(
            "the database {} is a symbolic link: SQLite keeps its write-ahead log next to the target, and a backup of this folder misses both; set DATABASE_URL to the target",
            path.display()
        ));
    }
    warnings
}

#[cfg(not(unix))]
fn file_warnings(_path: &Path) -> Vec<String> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings_of(url: &str, libpq_version: i32) -> String {
        let mut settings = crate::config::Settings::default();
        settings.set("DATABASE_URL", url);
        let Ok(config) = settings.check() else { panic!("{url} is valid") };
        let DatabaseUrl::Postgres(postgres) = config.database else { panic!("{url} is PostgreSQL") };
        connection_warnings(&postgres, libpq_version).join("\n")
    }

    #[test]
    fn connection_beyond_this_machine_needs_verified_tls() {
        for (url, is_exposed) in [
            ("postgres://u@localhost/d", false),
            ("postgres://u@127.0.0.1/d?sslmode=disable", false),
            ("postgres://u@[::1]/d", false),
            ("postgres://u@%2Frun%2Fpostgresql/d", false),
            ("postgres:///d?host=/run/postgresql", false),
            ("postgres://u@db/d", true),
            ("postgres://u@db/d?sslmode=require", true),
            ("postgres://u@127.0.0.1/d?hostaddr=192.0.2.1", true),
            ("postgres:///d?host=localhost,db", true),
            ("postgres://u@db/d?sslmode=verify-full&sslrootcert=/ca.pem", false),
            ("postgres://u@db/d?sslmode=verify-ca&sslrootcert=/ca.pem", false),
            ("postgres://u@db/d?sslrootcert=system", false),
        ] {
            assert_eq!(warnings_of(url, 180_000).contains("not protected by verified TLS"), is_exposed, "{url}");
        }
    }

    #[test]
    fn old_libpq_is_reported_unless_tls_is_verified() {
        assert!(warnings_of("postgres://u@localhost/d", 150_012).contains("libpq 15.12 sends the password"));
        assert_eq!(warnings_of("postgres://u@localhost/d", 160_000), "");
        assert_eq!(warnings_of("postgres://u@db/d?sslmode=verify-full&sslrootcert=/ca.pem", 150_012), "");
    }
}
