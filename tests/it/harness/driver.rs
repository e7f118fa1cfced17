//! chromedriver on its own port, and its non-standard commands.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fantoccini::wd::WebDriverCompatibleCommand;
use reqwest::{Method, Url};
use serde_json::Value;

/// A non-standard command of chromedriver.
#[derive(Debug)]
pub struct DriverCommand {
    pub path: &'static str,
    pub body: Value,
}

impl WebDriverCompatibleCommand for DriverCommand {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, url::ParseError> {
        base_url.join(&format!("session/{}/{}", session_id.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// chromedriver on a free port. Killed when dropped, and Chromium with it.
pub struct Driver {
    pub port: u16,
    child: Child,
}

impl Driver {
    /// Starts it with `folder` for temporary files. It binds a free port on IPv4 and then the same port on IPv6; if
    /// that is in use, it exits and is started again.
    pub fn start(folder: &Path) -> Self {
        (0..5).find_map(|_| Self::try_start(folder)).expect("chromedriver prints its port")
    }

    fn try_start(folder: &Path) -> Option<Self> {
        let mut child = Command::new("/usr/bin/chromedriver")
            .arg("--port=0")
            .env("TMPDIR", folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed: see bin/test");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let port = lines
            .by_ref()
            .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        std::thread::spawn(move || lines.for_each(drop));
        // Without a port, the driver is dropped here, which kills chromedriver.
        let driver = Self { port: port.unwrap_or_default(), child };
        port.is_some().then_some(driver)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
