//! A page being recorded.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::devtools::{DevTools, Event};
use crate::{ANSWER, Error, START};

/// Its own world beside the page's, so that neither sees the other.
const WORLD: &str = "madang";
/// What our script calls with a piece of the file, in base64; or with "!" and why there will be none.
const TELL: &str = "tellMadang";
/// Between two pieces: what a crash of the browser loses.
const PIECE: Duration = Duration::from_millis(500);
/// Between two key frames.
const KEY_FRAMES: Duration = Duration::from_secs(2);
/// Pictures need about this much, in bits a pixel.
const BITS_PER_PIXEL: f64 = 0.12;

/// What to record, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Chromium: see [`find`](crate::find).
    pub program: PathBuf,
    /// The page. It may contain credentials, and is told to the browser only.
    pub url: String,
    /// An origin (`http://192.0.2.1:4443`) that counts as secure, and whose certificate is not checked. Browsers capture
    /// nothing on an insecure page.
    pub trusted: Option<String>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures a second, at most.
    pub frame_rate: u32,
    /// Sound, too.
    pub audio: bool,
}

/// A page being recorded. Dropped, it ends at once.
#[derive(Debug)]
pub struct Recording {
    devtools: DevTools,
    browser: Browser,
    world: Value,
}

impl Recording {
    /// Opens the page and begins. Until this returns nothing of it is recorded.
    pub fn start(options: &Options) -> Result<Self, Error> {
        let (browser, orders, answers) = Browser::start(&options.program, options.trusted.as_deref())?;
        let mut devtools = DevTools::new(orders, answers);
        let (width, height) = (options.width, options.height);
        let window = json!({ "url": "about:blank", "newWindow": true, "width": width, "height": height });
        let target = devtools.ask("Target.createTarget", window, START)?["targetId"].take();
        let window = devtools.ask("Browser.getWindowForTarget", json!({ "targetId": target }), ANSWER)?;
        let attach = json!({ "targetId": target, "flatten": true });
        let tab = devtools.ask("Target.attachToTarget", attach, ANSWER)?;
        devtools.attach(tab["sessionId"].as_str().unwrap_or_default().to_owned());
        let frame = load(&mut devtools, &options.url)?;
        let world = json!({ "frameId": frame, "worldName": WORLD });
        devtools.ask("Runtime.addBinding", json!({ "name": TELL, "executionContextName": WORLD }), ANSWER)?;
        let world = devtools.ask("Page.createIsolatedWorld", world, ANSWER)?["executionContextId"].take();
        let mut recording = Self { devtools, browser, world };
        recording.evaluate("the capture of the page", &capture(options))?;
        recording.fit(&window["windowId"], width, height)?;
        recording.evaluate("recording", "madangRecorder.start(madangPiece)")?;
        Ok(recording)
    }

    /// The next piece of the file, if one comes in time.
    pub fn next(&mut self, patience: Duration) -> Result<Option<Vec<u8>>, Error> {
        let deadline = Instant::now() + patience;
        loop {
            let Some(event) = self.devtools.event(deadline.saturating_duration_since(Instant::now()))? else {
                if Instant::now() < deadline {
                    continue;
                }
                return Ok(None);
            };
            if let Some(piece) = self.piece(event)? {
                return Ok(Some(piece));
            }
        }
    }

    /// Ends it. Returns the rest of the file.
    pub fn stop(mut self) -> Result<Vec<u8>, Error> {
        self.evaluate("the end of recording", "madangRecorder.stop(), madangEnded")?;
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

    fn piece(&self, Event { method, params }: Event) -> Result<Option<Vec<u8>>, Error> {
        match method.as_str() {
            "Runtime.bindingCalled" if params["name"] == TELL => {}
            "Inspector.targetCrashed" | "Target.targetCrashed" => return Err(Error::Ended),
            // The world ends with the page's document.
            "Runtime.executionContextDestroyed" if params["executionContextId"] == self.world => {
                return Err(Error::Page("it went to another page".to_owned()));
            }
            _ => return Ok(None),
        }
        let payload = params["payload"].as_str().unwrap_or_default();
        if let Some(why) = payload.strip_prefix('!') {
            return Err(Error::Refused { what: "recording", why: why.to_owned() });
        }
        let piece = BASE64_STANDARD.decode(payload);
        piece.map(Some).map_err(|error| Error::Refused { what: "recording", why: error.to_string() })
    }

    /// Makes the page as large as asked for: the window is larger by its bars, of which one comes with the capture.
    fn fit(&mut self, window: &Value, width: u32, height: u32) -> Result<(), Error> {
        let deadline = Instant::now() + ANSWER;
        while Instant::now() < deadline {
            // After the next picture, or a size that has just been set is not there yet.
            let sizes = "new Promise(done => requestAnimationFrame(() => done([innerWidth, innerHeight, outerWidth, outerHeight])))";
            let sizes = self.evaluate("the size of the page", sizes)?;
            let [inner_width, inner_height, outer_width, outer_height] =
                [0, 1, 2, 3].map(|n| sizes[n].as_i64().unwrap_or_default());
            let (more_width, more_height) = (i64::from(width) - inner_width, i64::from(height) - inner_height);
            if (more_width, more_height) == (0, 0) {
                return Ok(());
            }
            let bounds = json!({ "width": outer_width + more_width, "height": outer_height + more_height });
            let bounds = json!({ "windowId": window, "bounds": bounds });
            self.devtools.ask("Browser.setWindowBounds", bounds, ANSWER)?;
        }
        Err(Error::Late("Browser.setWindowBounds"))
    }

    /// Runs a script in our world; a promise is waited for.
    fn evaluate(&mut self, what: &'static str, script: &str) -> Result<Value, Error> {
        let script = json!({
            "expression": script,
            "contextId": self.world,
            "awaitPromise": true,
            "returnByValue": true,
            // Captures need one.
            "userGesture": true,
        });
        let mut result = self.devtools.ask("Runtime.evaluate", script, ANSWER)?;
        match result.get("exceptionDetails") {
            Some(error) => Err(Error::Refused { what, why: error["exception"]["description"].to_string() }),
            None => Ok(result["result"]["value"].take()),
        }
    }
}

/// Loads the page. Returns its frame.
fn load(devtools: &mut DevTools, url: &str) -> Result<Value, Error> {
    for domain in ["Page.enable", "Network.enable", "Runtime.enable"] {
        devtools.ask(domain, json!({}), ANSWER)?;
    }
    let mut answer = devtools.ask("Page.navigate", json!({ "url": url }), START)?;
    if let Some(error) = answer["errorText"].as_str() {
        return Err(Error::Page(error.to_owned()));
    }
    let deadline = Instant::now() + START;
    loop {
        let Some(Event { method, params }) = devtools.event(deadline.saturating_duration_since(Instant::now()))? else {
            if Instant::now() < deadline {
                continue;
            }
            return Err(Error::Page(format!("it did not load within {} s", START.as_secs())));
        };
        match method.as_str() {
            "Network.responseReceived" if params["type"] == "Document" && params["frameId"] == answer["frameId"] => {
                let status = params["response"]["status"].as_u64().unwrap_or_default();
                if status >= 400 {
                    return Err(Error::Page(format!("its server answered {status}")));
                }
            }
            "Page.loadEventFired" => return Ok(answer["frameId"].take()),
            _ => {}
        }
    }
}

/// The script that gets the tab's pictures and sound, and prepares to record them.
fn capture(options: &Options) -> String {
    let Options { width, height, frame_rate, audio, .. } = *options;
    let bits = (f64::from(width) * f64::from(height) * f64::from(frame_rate) * BITS_PER_PIXEL) as u64;
    let (piece, key_frames) = (PIECE.as_millis(), KEY_FRAMES.as_millis());
    format!(
        "(async () => {{
            const sound = {{ echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 2 }};
            const stream = await navigator.mediaDevices.getDisplayMedia({{
                video: {{ width: {width}, height: {height}, frameRate: {frame_rate}, cursor: 'never' }},
                audio: {audio} && sound,
                preferCurrentTab: true,
                selfBrowserSurface: 'include',
            }});
            const recorder = new MediaRecorder(stream, {{
                mimeType: {audio} ? 'video/x-matroska;codecs=avc1,opus' : 'video/x-matroska;codecs=avc1',
                videoBitsPerSecond: {bits},
                videoKeyFrameIntervalDuration: {key_frames},
            }});
            let told = Promise.resolve();
            const tell = (blob) => new Promise((done) => {{
                const reader = new FileReader();
                reader.onload = () => done({TELL}(reader.result.slice(reader.result.lastIndexOf(',') + 1)));
                reader.readAsDataURL(blob);
            }});
            recorder.ondataavailable = ({{ data }}) => {{
                if (data.size > 0) told = told.then(() => tell(data));
            }};
            recorder.onerror = ({{ error }}) => {TELL}(`!${{error}}`);
            globalThis.madangEnded = new Promise((done) => {{
                recorder.onstop = () => done(told.then(() => true));
            }});
            globalThis.madangPiece = {piece};
            globalThis.madangRecorder = recorder;
        }})()"
    )
}
