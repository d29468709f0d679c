//! Orders to the browser and what it says, in the Chrome DevTools Protocol: JSON, each ended by a zero byte.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Error;

/// No piece of a recording comes near.
const LONGEST: u64 = 64 * 1024 * 1024;
/// Read and not looked at yet; the browser waits meanwhile.
const WAITING: usize = 64;

#[derive(Debug)]
pub(crate) struct DevTools {
    orders: PipeWriter,
    said: Receiver<Value>,
    /// What was said while an answer was waited for.
    events: VecDeque<Event>,
    last: u64,
    /// The tab that orders are for.
    tab: Option<String>,
}

/// What the browser says by itself.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) method: String,
    pub(crate) params: Value,
}

impl DevTools {
    pub(crate) fn new(orders: PipeWriter, answers: PipeReader) -> Self {
        let (heard, said) = sync_channel(WAITING);
        // Ends with the pipe, that is with the browser.
        thread::spawn(move || read(BufReader::new(answers), &heard));
        Self { orders, said, events: VecDeque::new(), last: 0, tab: None }
    }

    /// From now on orders are for this tab.
    pub(crate) fn attach(&mut self, tab: String) {
        self.tab = Some(tab);
    }

    /// Asks for something, and waits for the answer.
    pub(crate) fn ask(&mut self, what: &'static str, params: Value, patience: Duration) -> Result<Value, Error> {
        self.last += 1;
        let id = self.last;
        let mut order = json!({ "id": id, "method": what, "params": params });
        if let Some(tab) = &self.tab {
            order["sessionId"] = json!(tab);
        }
        self.orders.write_all(format!("{order}\0").as_bytes()).map_err(|_| Error::Ended)?;
        let deadline = Instant::now() + patience;
        loop {
            let mut said = match self.said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(said) => said,
                Err(RecvTimeoutError::Timeout) => return Err(Error::Late(what)),
                Err(RecvTimeoutError::Disconnected) => return Err(Error::Ended),
            };
            if said["id"] == json!(id) {
                return match said.get("error") {
                    Some(error) => Err(Error::Refused { what, why: error["message"].to_string() }),
                    None => Ok(said["result"].take()),
                };
            }
            self.events.extend(event(said));
        }
    }

    /// What the browser says next, if it says something in time.
    pub(crate) fn event(&mut self, patience: Duration) -> Result<Option<Event>, Error> {
        if let Some(event) = self.events.pop_front() {
            return Ok(Some(event));
        }
        match self.said.recv_timeout(patience) {
            Ok(said) => Ok(event(said)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Error::Ended),
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
