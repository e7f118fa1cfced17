//! `docs/move-from-the-fastapi-tutorial.md`, followed step by step with the application in `tests/peers/tutorial_app.py`.

use std::path::Path;

use tokio::process::Command;

use super::peers::{ListeningProcess, folder, free_port, python};
use super::{ServerProcess, TestDatabase, cli};

const PAGE: &str = "docs/move-from-the-fastapi-tutorial.md";
/// The constant in the tutorial's source.
pub const SECRET_KEY: &str = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7";
/// What the tutorial's hash is of.
pub const PASSWORD: &str = "secret";

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The nth code block of this language in a step of the page.
fn block(step: u8, language: &str, nth: usize) -> String {
    let page = read(PAGE);
    let (_, rest) = page.split_once(&format!("\n## {step}. ")).unwrap_or_else(|| panic!("no step {step}"));
    let section = rest.split("\n## ").next().expect("a section");
    let opening = format!("\n```{language}\n");
    let block = section.split(&opening).nth(nth + 1).unwrap_or_else(|| panic!("no {language} block in step {step}"));
    block.split_once("\n```").expect("the end of the block").0.to_owned()
}

/// `text` with `from`, which it must contain, replaced.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?} is not in {text:?}");
    text.replace(from, to)
}

/// A shell that runs these lines with the environment and in the folder of a command.
fn shell(lines: &str, like: &std::process::Command) -> std::process::Command {
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-e", "-c", lines]).env_clear();
    shell.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(like.get_current_dir().expect("the folder of the database"));
    shell
}

/// The server of the page, and the port that its application will have.
pub struct Moved {
    pub server: ServerProcess,
    /// The origin of the application if it is opened by its address; the application need not run.
    pub origin: String,
    /// The same application by its name, for a browser another origin.
    pub localhost_origin: String,
    db: TestDatabase,
    port: u16,
}

impl Moved {
    /// Follows the steps 1 and 2, with the hash of the tutorial's user.
    pub fn start() -> Self {
        Self::start_with(|lines| lines)
    }

    /// Like [`Self::start`], but with the first of the two origins only.
    pub fn start_with_one_origin() -> Self {
        Self::start_with(|lines| replaced(&lines, ",http://localhost:8000", ""))
    }

    fn start_with(change: impl FnOnce(String) -> String) -> Self {
        let (db, port) = (TestDatabase::create(), free_port());
        let lines =
            replaced(&change(block(1, "sh", 0)), "cargo run", concat!("exec ", env!("CARGO_BIN_EXE_vestibule")));
        let lines = replaced(&lines, ":8000", &format!(":{port}"));
        let server = ServerProcess::from_command(shell(&lines, &db.serve(&[]))).expect("the server starts");
        db.write_file("johndoe.toml", &block(2, "toml", 0));
        cli::run(shell(&replaced(&block(2, "sh", 0), "$PWD/target/debug", binary_folder()), &db.command(&[]))).ok();
        let [origin, localhost_origin] = ["127.0.0.1", "localhost"].map(|host| format!("http://{host}:{port}"));
        Self { server, origin, localhost_origin, db, port }
    }

    /// Adds a user as the page says for a bcrypt hash, but with this name.
    pub fn add_user(&self, username: &str, password: &str) {
        self.db.write_file("password", &format!("{password}\n"));
        let lines = replaced(&block(2, "sh", 1), "$PWD/target/debug", binary_folder());
        let lines = replaced(&lines, "add johndoe", &format!("add {username}"));
        // At a prompt otherwise.
        let lines = format!("{lines} --password-file password");
        cli::run(shell(&lines, &self.db.command(&[]))).ok();
    }

    /// Changes `main.py` by the steps up to this one, and starts it.
    pub async fn start_application(&self, last_step: u8) -> ListeningProcess {
        self.start_changed(last_step, &replaced(&block(3, "sh", 0), "uvicorn ", "")).await
    }

    /// Like [`Self::start_application`], with a local `/docs`: that of FastAPI loads from the internet.
    pub async fn start_application_with_docs(&self, last_step: u8) -> ListeningProcess {
        let arguments = replaced(&block(3, "sh", 0), "uvicorn main:app", "tutorial_docs:app");
        self.start_changed(last_step, &format!("{arguments} --app-dir {}", folder().display())).await
    }

    async fn start_changed(&self, last_step: u8, arguments: &str) -> ListeningProcess {
        let mut changes = python();
        changes.arg(folder().join("apply_tutorial_page.py")).args([PAGE, "tests/peers/tutorial_app.py"]);
        let output = changes.arg(last_step.to_string()).output().await.expect("the interpreter runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let source = String::from_utf8(output.stdout).expect("UTF-8");
        let source = replaced(&source, "http://localhost:8080/", &format!("{}/", self.server.url));
        self.db.write_file("main.py", &source);
        let mut command: Command = python();
        command.args(["-m", "uvicorn", "--log-level", "warning"]).current_dir(self.db.folder.path());
        command.args(replaced(arguments, "--port 8000", &format!("--port {}", self.port)).split(' '));
        command.env("PYTHONPATH", self.db.folder.path()).env("SWAGGER_UI_URL", format!("{}/docs", self.server.url));
        // Read after step 6 only.
        command.env("JWT_SECRET", SECRET_KEY);
        ListeningProcess::start(command, self.port).await
    }
}

fn binary_folder() -> &'static str {
    let folder = Path::new(env!("CARGO_BIN_EXE_vestibule")).parent().and_then(Path::to_str);
    folder.expect("the binary is in a folder")
}
