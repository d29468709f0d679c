//! Orders to the browser and what it says, in the Chrome DevTools Protocol: JSON, each ended by a zero byte.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::PageError;

/// No piece of a recording comes near.
const LONGEST: u64 = 64 * 1024 * 1024;
/// Read and not looked at yet; the browser waits meanwhile.
const WAITING: usize = 64;
/// How often whoever waits looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct DevTools {
    orders: PipeWriter,
    said: Receiver<Value>,
    /// What was said while an answer was waited for.
    events: VecDeque<Event>,
    last: u64,
    /// The tab that orders are for.
    tab: Option<String>,
    /// Once it is set nothing is waited for.
    abandoned: Option<Arc<AtomicBool>>,
}

/// What the browser says by itself.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) method: String,
    pub(crate) params: Value,
}

impl DevTools {
    pub(crate) fn new(orders: PipeWriter, answers: PipeReader, abandoned: Arc<AtomicBool>) -> Self {
        let (heard, said) = sync_channel(WAITING);
        // Ends with the pipe, that is with the browser.
        thread::spawn(move || read(BufReader::new(answers), &heard));
        Self { orders, said, events: VecDeque::new(), last: 0, tab: None, abandoned: Some(abandoned) }
    }

    /// From now on orders are for this tab.
    pub(crate) fn attach(&mut self, tab: String) {
        self.tab = Some(tab);
    }

    /// From now on waiting does not end early.
    pub(crate) fn persist(&mut self) {
        self.abandoned = None;
    }

    /// Asks for something, and waits for the answer.
    pub(crate) fn ask(&mut self, what: &'static str, params: Value, patience: Duration) -> Result<Value, PageError> {
        let id = self.order(what, params)?;
        let deadline = Instant::now() + patience;
        loop {
            let mut said = self.hear(deadline)?.ok_or(PageError::Late(what))?;
            if said["id"] == json!(id) {
                return match said.get("error") {
                    Some(error) => Err(PageError::Refused { what, why: error["message"].to_string() }),
                    None => Ok(said["result"].take()),
                };
            }
            if let Some(event) = event(said) {
                self.take(event)?;
            }
        }
    }

    /// What the browser says next, if it says something in time.
    pub(crate) fn event(&mut self, patience: Duration) -> Result<Option<Event>, PageError> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            match self.hear(deadline)?.map(event) {
                Some(Some(event)) => self.take(event)?,
                Some(None) => {}
                None => return Ok(None),
            }
        }
    }

    fn take(&mut self, event: Event) -> Result<(), PageError> {
        if event.method == "Page.javascriptDialogOpening" {
            // Nobody is there to answer, and the page stands still until somebody does.
            self.order("Page.handleJavaScriptDialog", json!({ "accept": true }))?;
        }
        self.events.push_back(event);
        Ok(())
    }

    fn order(&mut self, what: &str, params: Value) -> Result<u64, PageError> {
        self.last += 1;
        let mut order = json!({ "id": self.last, "method": what, "params": params });
        if let Some(tab) = &self.tab {
            order["sessionId"] = json!(tab);
        }
        self.orders.write_all(format!("{order}\0").as_bytes()).map_err(|_| PageError::Ended)?;
        Ok(self.last)
    }

    /// The next message; nothing if none comes in time.
    fn hear(&self, deadline: Instant) -> Result<Option<Value>, PageError> {
        loop {
            if self.abandoned.as_ref().is_some_and(|abandoned| abandoned.load(Ordering::Relaxed)) {
                return Err(PageError::Abandoned);
            }
            match self.said.recv_timeout(deadline.saturating_duration_since(Instant::now()).min(LOOK)) {
                Ok(said) => return Ok(Some(said)),
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => return Err(PageError::Ended),
            }
        }
    }
}

fn event(mut said: Value) -> Option<Event> {
    let method = said["method"].as_str()?.to_owned();
    Some(Event { method, params: said["params"].take() })
}

fn read(mut answers: BufReader<PipeReader>, heard: &SyncSender<Value>) {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        match (&mut answers).take(LONGEST).read_until(0, &mut bytes) {
            Ok(1..) if bytes.pop() == Some(0) => {}
            // The end, or an endless message.
            _ => return,
        }
        let Ok(said) = serde_json::from_slice(&bytes) else {
            return;
        };
        if heard.send(said).is_err() {
            return;
        }
    }
}
