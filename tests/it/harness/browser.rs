//! Headless Chromium driven through chromedriver, at most two at a time.

use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::driver::{Driver, DriverCommand};

static PERMITS: Semaphore = Semaphore::const_new(2);
/// A name for this machine that a browser does not treat as local.
pub const HOST_NAME: &str = "vestibule.test";
const TIMEOUT: Duration = Duration::from_secs(20);

/// The options of a browser; by default it is English, runs scripts and accepts cookies.
#[derive(Clone, Copy)]
pub struct BrowserOptions {
    pub language: &'static str,
    pub runs_scripts: bool,
    pub refuses_cookies: bool,
}

impl Default for BrowserOptions {
    fn default() -> Self {
        Self { language: "en", runs_scripts: true, refuses_cookies: false }
    }
}

/// A browser. Closed when dropped, also by a panic.
pub struct Browser {
    /// The `WebDriver` client.
    pub client: Client,
    // Dropped in this order.
    _driver: Driver,
    _profile: tempfile::TempDir,
    _permit: SemaphorePermit<'static>,
}

impl Browser {
    /// An English browser.
    pub async fn start() -> Self {
        Self::start_with(BrowserOptions::default()).await
    }

    /// A browser with these options.
    pub async fn start_with(options: BrowserOptions) -> Self {
        Self::start_on(PERMITS.acquire().await.expect("the semaphore is never closed"), options).await
    }

    /// Two browsers, each with its own profile. Takes both permits at once: two tests that each hold one would
    /// deadlock.
    pub async fn start_two(options: BrowserOptions) -> [Self; 2] {
        let mut permits = PERMITS.acquire_many(2).await.expect("the semaphore is never closed");
        let second = permits.split(1).expect("there are two");
        [Self::start_on(permits, options).await, Self::start_on(second, options).await]
    }

    async fn start_on(permit: SemaphorePermit<'static>, options: BrowserOptions) -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let driver = Driver::start(profile.path());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
            "--window-size=1000,800",
            &format!("--host-resolver-rules=MAP {HOST_NAME} 127.0.0.1, MAP *.{HOST_NAME} 127.0.0.1"),
            // With this, Chromium exits when the driver exits.
            "--remote-debugging-pipe",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let mut preferences = json!({
            "intl.accept_languages": options.language,
            "credentials_enable_service": false,
            "profile.password_manager_leak_detection": false,
        });
        for (kind, is_disabled) in [("javascript", !options.runs_scripts), ("cookies", options.refuses_cookies)] {
            if is_disabled {
                preferences[format!("profile.managed_default_content_settings.{kind}")] = 2.into();
            }
        }
        let capabilities = json!({
            "goog:chromeOptions": {"args": arguments, "prefs": preferences, "binary": "/usr/bin/chromium"},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("an object") };
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .expect("Chromium starts");
        Self { client, _driver: driver, _profile: profile, _permit: permit }
    }

    /// Opens a URL and waits until the page has loaded.
    pub async fn goto(&self, url: &str) {
        self.client.goto(url).await.expect("the page loads");
    }

    /// Waits for the element and returns it.
    pub async fn find(&self, css: &str) -> Element {
        let found = self.client.wait().at_most(TIMEOUT).for_element(Locator::Css(css)).await;
        match found {
            Ok(element) => element,
            Err(error) => {
                panic!("{css}: {error} in {}", self.client.source().await.expect("a page"))
            }
        }
    }

    /// Whether the page has the element now.
    pub async fn has(&self, css: &str) -> bool {
        !self.client.find_all(Locator::Css(css)).await.expect("a response").is_empty()
    }

    /// The element's visible text.
    pub async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.expect("text")
    }

    /// Clicks on the element and waits until another page has replaced this one.
    pub async fn submit(&self, css: &str) {
        let page = self.find("html").await;
        self.click(css).await;
        self.wait_until_replaced(page).await;
    }

    /// Presses keys in the focused element and waits until another page has replaced this one.
    pub async fn press_to_submit(&self, keys: &str) {
        let page = self.find("html").await;
        self.press(keys).await;
        self.wait_until_replaced(page).await;
    }

    async fn wait_until_replaced(&self, page: Element) {
        let deadline = Instant::now() + TIMEOUT;
        while page.tag_name().await.is_ok() {
            assert!(Instant::now() < deadline, "the page is still there");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.find("body").await;
        // The page is then complete: an element that is missing now does not appear later.
        self.wait_until("document.readyState == 'complete'").await;
    }

    /// Waits until this JavaScript expression is true.
    pub async fn wait_until(&self, condition: &str) {
        let deadline = Instant::now() + TIMEOUT;
        while self.evaluate(condition).await != true {
            assert!(Instant::now() < deadline, "{condition} is not true of {:?}", self.client.source().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Clicks on the element.
    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.expect("the element can be clicked");
    }

    /// Replaces the text of the element.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.expect("the element can be changed");
        field.send_keys(text).await.expect("the element accepts keys");
    }

    /// Presses keys in the focused element.
    pub async fn press(&self, keys: &str) {
        let focused = self.client.active_element().await.expect("an element has the focus");
        focused.send_keys(keys).await.expect("the element accepts keys");
    }

    /// The path of the page that is open, with its query.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.expect("a page is open");
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// The value of an expression on the page.
    pub async fn evaluate(&self, script: &str) -> Value {
        self.client.execute(&format!("return {script}"), vec![]).await.expect("the script runs")
    }

    /// Opens one more tab and goes there.
    pub async fn open_tab(&self) -> WindowHandle {
        let tab = self.client.new_window(true).await.expect("a tab").handle;
        self.switch_to(&tab).await;
        tab
    }

    /// Goes to a tab.
    pub async fn switch_to(&self, tab: &WindowHandle) {
        self.client.switch_to_window(tab.clone()).await.expect("the tab is open");
    }

    /// Makes the page this wide and high.
    pub async fn resize(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.command("goog/cdp/execute", json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": size})).await;
    }

    /// Sets the browser's time zone, by its IANA name.
    pub async fn set_time_zone(&self, zone: &str) {
        let zone = json!({"timezoneId": zone});
        self.command("goog/cdp/execute", json!({"cmd": "Emulation.setTimezoneOverride", "params": zone})).await;
    }

    /// Emulates these CSS media features; all others return to the system's values.
    pub async fn emulate(&self, features: &[(&str, &str)]) {
        let features: Vec<Value> = features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        let media = json!({"features": features});
        self.command("goog/cdp/execute", json!({"cmd": "Emulation.setEmulatedMedia", "params": media})).await;
    }

    /// Sends this header with every request instead of the browser's own; `None` restores the browser's own.
    pub async fn send_header(&self, name: &str, value: Option<&str>) {
        self.command("goog/cdp/execute", json!({"cmd": "Network.enable", "params": {}})).await;
        let headers: Value = value.map(|value| (name.to_owned(), Value::from(value))).into_iter().collect();
        let parameters = json!({"headers": headers});
        self.command("goog/cdp/execute", json!({"cmd": "Network.setExtraHTTPHeaders", "params": parameters})).await;
    }

    /// Removes the cookies of all hosts.
    pub async fn forget_cookies(&self) {
        self.command("goog/cdp/execute", json!({"cmd": "Network.clearBrowserCookies", "params": {}})).await;
    }

    /// The console messages since the last call, without hints (`DEBUG`) and refused forms (422).
    pub async fn console(&self) -> Vec<String> {
        let entries = self.command("se/log", json!({"type": "browser"})).await;
        let entries = entries.as_array().expect("a list").iter().filter(|entry| entry["level"] != "DEBUG");
        let messages = entries.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned());
        messages.filter(|message| !message.contains("the server responded with a status of 422")).collect()
    }

    async fn command(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(DriverCommand { path, body }).await.expect("chromedriver supports the command")
    }
}
