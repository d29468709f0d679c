//! A page being recorded.
//!
//! The browser's window, and with it what a tab shows, changes its size by itself: a bar that says that the tab is being
//! shared comes when it likes. So the window is larger than the picture, the page is told a size of its own, and what is
//! captured is cut to an element that covers just that: no bar makes a difference to it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::devtools::{DevTools, Event};
use crate::{ANSWER, PageError, PageOptions, START};

/// Its own world beside the page's, so that neither sees the other.
const WORLD: &str = "madang";
/// Defines `madangCapture`.
const CAPTURE: &str = include_str!("capture.js");
/// What it calls with a piece of the file, in base64; or with "!" and why there will be none.
const TELL: &str = "tellMadang";
/// Between two pieces: what a crash of the browser loses.
const PIECE: Duration = Duration::from_millis(500);
/// Between two key frames.
const KEY_FRAMES: Duration = Duration::from_secs(2);
/// Without a picture, although one should come every second.
const STALL: Duration = Duration::from_secs(4);
/// Pictures need about this much, in bits a pixel.
const BITS_PER_PIXEL: f64 = 0.15;
/// Until a picture has its size: after each try, ms. Together less than [`ANSWER`].
const PATIENCE: [u32; 4] = [500, 1000, 2000, 3000];
const MOST_CAPTURES: u32 = 3;
/// Of the window, for its bars and the narrowest that it can be, pixels.
const MARGIN: u32 = 500;

/// A page being recorded. Dropped, it ends at once.
#[derive(Debug)]
pub struct PageRecording {
    devtools: DevTools,
    browser: Browser,
    world: Value,
}

impl PageRecording {
    /// Opens the page and begins; gives up once `abandoned` is set. Until this returns nothing of it is recorded.
    pub fn start(options: &PageOptions, abandoned: Arc<AtomicBool>) -> Result<Self, PageError> {
        let (mut browser, orders, answers) = Browser::start(options)?;
        let mut devtools = DevTools::new(orders, answers, abandoned);
        let version = devtools.ask("Browser.getVersion", json!({}), START).map_err(|error| match error {
            PageError::Ended => {
                PageError::EndedAtOnce { program: options.program.display().to_string(), words: browser.last_words() }
            }
            error => error,
        })?;
        // Libraries ask whether they know the browser.
        let agent = version["userAgent"].as_str().unwrap_or_default().replace("HeadlessChrome", "Chrome");
        // What is done here is not remembered on the disk.
        let context = devtools.ask("Target.createBrowserContext", json!({}), START)?["browserContextId"].take();
        let (width, height) = (options.width, options.height);
        let window = json!({
            "url": "about:blank",
            "newWindow": true,
            "browserContextId": context,
            "width": width + MARGIN,
            "height": height + MARGIN,
        });
        let target = devtools.ask("Target.createTarget", window, ANSWER)?["targetId"].take();
        let attach = json!({ "targetId": target, "flatten": true });
        let tab = devtools.ask("Target.attachToTarget", attach, ANSWER)?;
        devtools.attach(tab["sessionId"].as_str().unwrap_or_default().to_owned());
        devtools.ask("Emulation.setUserAgentOverride", json!({ "userAgent": agent }), ANSWER)?;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        devtools.ask("Emulation.setDeviceMetricsOverride", size, ANSWER)?;
        let frame = load(&mut devtools, &options.url)?;
        let world = json!({ "frameId": frame, "worldName": WORLD });
        devtools.ask("Runtime.addBinding", json!({ "name": TELL, "executionContextName": WORLD }), ANSWER)?;
        let world = devtools.ask("Page.createIsolatedWorld", world, ANSWER)?["executionContextId"].take();
        let mut recording = Self { devtools, browser, world };
        let script = capture(options);
        let mut captures = 0;
        while recording.evaluate("the capture of the page", &script)? != json!(true) {
            captures += 1;
            if captures == MOST_CAPTURES {
                return Err(PageError::Late("pictures of the page"));
            }
        }
        recording.evaluate("recording", "madangRecorder.start()")?;
        recording.devtools.persist();
        Ok(recording)
    }

    /// The next piece of the file, if one comes in time.
    pub fn next(&mut self, patience: Duration) -> Result<Option<Vec<u8>>, PageError> {
        let deadline = Instant::now() + patience;
        while let Some(event) = self.devtools.event(deadline.saturating_duration_since(Instant::now()))? {
            if let Some(piece) = self.piece(event)? {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// Ends it. Returns the rest of the file.
    pub fn stop(mut self) -> Result<Vec<u8>, PageError> {
        self.evaluate("the end of recording", "madangRecorder.stop()")?;
        let mut rest = Vec::new();
        // What was told before the answer is here already.
        while let Some(event) = self.devtools.event(Duration::ZERO)? {
            rest.extend(self.piece(event)?.unwrap_or_default());
        }
        Ok(rest)
    }

    /// The browser's process.
    pub fn process(&self) -> u32 {
        self.browser.id()
    }

    fn piece(&self, Event { method, params }: Event) -> Result<Option<Vec<u8>>, PageError> {
        match method.as_str() {
            "Runtime.bindingCalled" if params["name"] == TELL => {}
            "Inspector.targetCrashed" | "Target.targetCrashed" => return Err(PageError::Ended),
            // The world ends with the page's document.
            "Runtime.executionContextDestroyed" if params["executionContextId"] == self.world => {
                return Err(PageError::Page("it went to another page".to_owned()));
            }
            _ => return Ok(None),
        }
        let payload = params["payload"].as_str().unwrap_or_default();
        if let Some(why) = payload.strip_prefix('!') {
            return Err(PageError::Refused { what: "recording", why: why.to_owned() });
        }
        let piece = BASE64_STANDARD.decode(payload);
        piece.map(Some).map_err(|error| PageError::Refused { what: "recording", why: error.to_string() })
    }

    /// Runs a script in our world; a promise is waited for.
    fn evaluate(&mut self, what: &'static str, script: &str) -> Result<Value, PageError> {
        let script = json!({
            "expression": script,
            "contextId": self.world,
            "awaitPromise": true,
            "returnByValue": true,
            // Captures need one.
            "userGesture": true,
        });
        let mut result = self.devtools.ask("Runtime.evaluate", script, ANSWER).map_err(|error| match error {
            PageError::Late(_) => PageError::Late(what),
            error => error,
        })?;
        match result.get("exceptionDetails") {
            Some(error) => Err(PageError::Refused { what, why: error["exception"]["description"].to_string() }),
            None => Ok(result["result"]["value"].take()),
        }
    }
}

/// Loads the page. Returns its frame.
fn load(devtools: &mut DevTools, url: &str) -> Result<Value, PageError> {
    for domain in ["Page.enable", "Network.enable", "Runtime.enable"] {
        devtools.ask(domain, json!({}), ANSWER)?;
    }
    let late = || PageError::Page(format!("it did not load within {} s", START.as_secs()));
    let deadline = Instant::now() + START;
    let answer = devtools.ask("Page.navigate", json!({ "url": url }), START);
    let mut answer = answer.map_err(|error| if matches!(error, PageError::Late(_)) { late() } else { error })?;
    if let Some(error) = answer["errorText"].as_str() {
        return Err(PageError::Page(error.to_owned()));
    }
    while let Some(event) = devtools.event(deadline.saturating_duration_since(Instant::now()))? {
        let Event { method, params } = event;
        match method.as_str() {
            "Network.responseReceived" if params["type"] == "Document" && params["frameId"] == answer["frameId"] => {
                let status = params["response"]["status"].as_u64().unwrap_or_default();
                if status >= 400 {
                    return Err(PageError::Page(format!("its server answered {status}")));
                }
            }
            "Page.loadEventFired" => return Ok(answer["frameId"].take()),
            "Inspector.targetCrashed" => return Err(PageError::Ended),
            _ => {}
        }
    }
    Err(late())
}

/// The script that gets the tab's pictures and sound, with its options.
fn capture(options: &PageOptions) -> String {
    let PageOptions { width, height, frame_rate, audio, .. } = *options;
    let bits = (f64::from(width) * f64::from(height) * f64::from(frame_rate) * BITS_PER_PIXEL) as u64;
    let options = json!({
        "width": width,
        "height": height,
        "frameRate": frame_rate,
        "audio": audio,
        "bitsPerSecond": bits,
        "keyFrames": KEY_FRAMES.as_millis() as u64,
        "piece": PIECE.as_millis() as u64,
        "patience": PATIENCE,
        "stall": STALL.as_millis() as u64,
    });
    format!("{CAPTURE}\nmadangCapture({options})")
}
