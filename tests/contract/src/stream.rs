//! A watch as it arrives: one JSON object a line.

use std::time::Duration;

use serde_json::Value;

use crate::broken::{Broken, field, short};

/// Far longer than any event takes; what has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The events of a watch.
#[derive(Debug)]
pub(crate) struct Stream {
    asked: String,
    answer: reqwest::Response,
    kept: Vec<u8>,
}

impl Stream {
    pub(crate) fn new(asked: String, answer: reqwest::Response) -> Self {
        Self {
            asked,
            answer,
            kept: Vec::new(),
        }
    }

    /// The next event; none if the server ended the watch in good order.
    pub(crate) async fn next(&mut self) -> Result<Option<Value>, Broken> {
        loop {
            if let Some(end) = self.kept.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.kept.drain(..=end).collect();
                return serde_json::from_slice(&line).map(Some).map_err(|error| {
                    let line = String::from_utf8_lossy(&line);
                    Broken::NotSo(format!("a line is JSON ({error}): {}", short(&line)))
                });
            }
            let chunk = tokio::time::timeout(PATIENCE, self.answer.chunk()).await;
            let chunk = chunk.map_err(|_| Broken::Never(format!("an event of {}", self.asked)))?;
            match chunk.map_err(|source| Broken::NoAnswer {
                asked: self.asked.clone(),
                source,
            })? {
                Some(bytes) => self.kept.extend_from_slice(&bytes),
                None if self.kept.is_empty() => return Ok(None),
                None => {
                    let rest = String::from_utf8_lossy(&self.kept);
                    return Err(Broken::NotSo(format!("the last line is whole: {rest}")));
                }
            }
        }
    }

    /// The next event, which has this type; its object.
    pub(crate) async fn expect(&mut self, kind: &str) -> Result<Value, Broken> {
        let event = self.next().await?;
        let mut event = event.ok_or_else(|| {
            Broken::NotSo(format!("{kind} comes before the end of {}", self.asked))
        })?;
        field(&event, "/type", kind)?;
        Ok(event["object"].take())
    }

    /// The next event, which has this type and is about an object of this name; the object.
    pub(crate) async fn expect_of(&mut self, kind: &str, name: &str) -> Result<Value, Broken> {
        let object = self.expect(kind).await?;
        field(&object, "/metadata/name", name)?;
        Ok(object)
    }

    /// Everything until the server ends the watch.
    pub(crate) async fn rest(&mut self) -> Result<Vec<Value>, Broken> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await? {
            events.push(event);
        }
        Ok(events)
    }
}
