//! A headless Chromium, driven through its WebDriver, with calls that wait: a test reads as what a person does.

use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::runtime::Runtime;

/// How the browser shows itself.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    pub width: u32,
    pub height: u32,
    pub dark: bool,
}

impl Screen {
    pub const DESKTOP: Screen = Screen { width: 1440, height: 1000, dark: false };
    pub const PHONE: Screen = Screen { width: 390, height: 844, dark: false };

    pub fn dark(self) -> Screen {
        Screen { dark: true, ..self }
    }
}

/// The browser and its driver; dropping it ends both.
pub struct Browser {
    runtime: Runtime,
    client: Option<Client>,
    driver: Child,
    _profile: tempfile::TempDir,
}

/// How long a page may take to become as expected.
const PATIENCE: Duration = Duration::from_secs(30);

impl Browser {
    /// None, and a line that says so, where Chromium or its driver is not installed.
    pub fn start(screen: Screen) -> Option<Browser> {
        let (Some(chromium), Some(chromedriver)) = (found(&["chromium", "chromium-browser"]), found(&["chromedriver"]))
        else {
            eprintln!(
                "skipped: there is no chromium with chromedriver here (Debian: apt-get install chromium chromium-driver)"
            );
            return None;
        };
        let profile = tempfile::tempdir().expect("temporary folders can be made");
        let mut driver = Command::new(chromedriver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the driver can be started");
        let output = BufReader::new(driver.stdout.take().expect("the output is a pipe"));
        let mut lines = output.lines().map_while(Result::ok);
        let started = lines.find_map(|line| line.split("successfully on port ").nth(1).map(str::to_owned));
        let port = started.expect("the driver says its port");
        let port = port.trim_end_matches('.').to_owned();
        // Whatever it prints later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let mut arguments = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
            format!("--window-size={},{}", screen.width.max(500), screen.height),
        ];
        arguments.push(format!("--blink-settings=preferredColorScheme={}", u8::from(!screen.dark)));
        let mut options = json!({ "args": arguments, "binary": chromium });
        options["mobileEmulation"] = json!({
            "deviceMetrics": { "width": screen.width, "height": screen.height, "pixelRatio": 1.0, "touch": false }
        });
        let capabilities = serde_json::Map::from_iter([("goog:chromeOptions".to_owned(), options)]);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let client = runtime.block_on(async {
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities)
                .connect(&format!("http://127.0.0.1:{port}"))
                .await
        });
        let client = client.expect("the browser starts");
        Some(Browser { runtime, client: Some(client), driver, _profile: profile })
    }

    fn client(&self) -> &Client {
        self.client.as_ref().expect("the browser lives until it is dropped")
    }

    pub fn open(&self, url: &str) {
        self.runtime.block_on(self.client().goto(url)).expect("the page opens");
    }

    pub fn reload(&self) {
        self.runtime.block_on(self.client().refresh()).expect("the page reloads");
    }

    pub fn url(&self) -> String {
        self.runtime.block_on(self.client().current_url()).expect("there is a page").to_string()
    }

    /// Runs a script in the page and gives what it returns.
    pub fn run(&self, script: &str) -> Value {
        self.runtime
            .block_on(self.client().execute(script, Vec::new()))
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until a script returns true.
    #[track_caller]
    pub fn wait(&self, script: &str) {
        let end = std::time::Instant::now() + PATIENCE;
        while self.run(script) != Value::Bool(true) {
            assert!(std::time::Instant::now() < end, "in vain: {script}\n{}\n{}", self.url(), self.text("body"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The visible text of the first element.
    #[track_caller]
    pub fn text(&self, css: &str) -> String {
        self.runtime.block_on(async {
            let element = self.client().find(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"));
            element.text().await.expect("an element has a text")
        })
    }

    #[track_caller]
    pub fn click(&self, css: &str) {
        self.runtime.block_on(async {
            let element = self.client().find(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"));
            element.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
        });
    }

    /// Chooses an option of a select by its value.
    #[track_caller]
    pub fn choose(&self, css: &str, value: &str) {
        self.runtime.block_on(async {
            let element = self.client().find(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"));
            element.select_by_value(value).await.unwrap_or_else(|error| panic!("{css} {value}: {error}"));
        });
    }

    /// Presses keys where the focus is.
    pub fn press(&self, keys: &str) {
        self.runtime.block_on(async {
            let focused = self.client().active_element().await.expect("something has the focus");
            focused.send_keys(keys).await.expect("keys can be pressed");
        });
    }

    pub fn control_enter(&self) {
        self.press(&format!("{}{}", char::from(Key::Control), char::from(Key::Enter)));
    }

    pub fn enter(&self) {
        self.press(&char::from(Key::Enter).to_string());
    }

    /// What is seen, as PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        self.runtime.block_on(self.client().screenshot()).expect("the page can be drawn")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let _ = self.runtime.block_on(client.close());
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A program on the path.
fn found(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|program| program.is_file())
}
