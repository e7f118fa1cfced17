//! Third-party clients and resource servers on Python and Node (`tests/peers/`).

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::{Child, Command};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of the peers' sources.
pub fn folder() -> PathBuf {
    root().join("tests/peers")
}

/// The folder of the examples.
pub fn examples() -> PathBuf {
    root().join("examples")
}

/// The path of an executable of `tests/peers/requirements.txt`, which `bin/test` installs.
pub fn python_peer(name: &str) -> PathBuf {
    let interpreter = std::env::var_os("TEST_PYTHON").map_or(root().join("target/peers/bin/python"), PathBuf::from);
    let executable = interpreter.with_file_name(name);
    assert!(executable.exists(), "{} is missing: bin/test installs it", executable.display());
    executable
}

/// The peers' Python.
pub fn python() -> Command {
    let mut command = Command::new(python_peer("python"));
    command.kill_on_drop(true).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Node with a copy of a script next to the packages of `tests/peers/package.json`: an import searches the folders
/// above the script, and `bin/test` installs them elsewhere.
pub fn node(script: &Path) -> Command {
    let packages = root().join("target/peers-npm");
    assert!(packages.join("node_modules").exists(), "{} is missing: bin/test installs it", packages.display());
    let copy = packages.join(script.file_name().expect("a script"));
    // Written, then moved: several tests may start the same script at once.
    let temporary = packages.join(format!("{}.mjs", vestibule::secret::random_id()));
    std::fs::copy(script, &temporary).expect("copied");
    std::fs::rename(&temporary, &copy).expect("moved");
    let mut command = Command::new(std::env::var_os("TEST_NODE").unwrap_or_else(|| "node".into()));
    command.kill_on_drop(true).arg("--import").arg(folder().join("webcrypto.mjs")).arg(copy);
    command
}

/// Runs a command and returns the JSON that it prints.
pub async fn run(mut command: Command, environment: &[(&str, &str)]) -> Value {
    let output = command.envs(environment.iter().copied()).output().await.expect("the interpreter runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A free port for a process that cannot choose one. Each port is returned once and is below those that the system
/// assigns.
pub fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Concurrent test processes start at different ports.
    let offset = std::process::id().wrapping_mul(97);
    let mut ports = (0..COUNT).map(|_| FIRST + offset.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT);
    let port = ports.find_map(|port| {
        let port = u16::try_from(port).expect("below 32,000");
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(port)
    });
    port.expect("a free port")
}

/// A process that listens. Killed when dropped.
pub struct ListeningProcess {
    /// Such as `http://127.0.0.1:41234`.
    pub url: String,
    _child: Child,
}

impl ListeningProcess {
    /// Starts a command and waits until it listens on this port.
    pub async fn start(mut command: Command, port: u16) -> Self {
        let child = command.kill_on_drop(true).stdin(Stdio::null()).spawn().expect("it runs");
        let listening = Self { url: format!("http://127.0.0.1:{port}"), _child: child };
        let began = Instant::now();
        while reqwest::get(&listening.url).await.is_err() {
            assert!(began.elapsed() < Duration::from_mins(1), "{command:?} does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        listening
    }
}
