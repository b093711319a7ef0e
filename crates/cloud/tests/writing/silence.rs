//! A server that counts the changes that reach it, and answers none of them well.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What it does with a request.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// It answers this status with that code of AWS'.
    Says(u16, &'static str),
    /// It reads the request and hangs up.
    HangsUp,
    /// It reads the request and says nothing for ever.
    Silent,
    /// It says that all is well, in what is no JSON.
    Garbled,
}

pub struct Server {
    pub url: String,
    updates: Arc<AtomicUsize>,
}

impl Server {
    pub async fn start(how: How) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let updates = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&updates);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, how, Arc::clone(&counted)));
            }
        });
        Self { url, updates }
    }

    /// How often an UpdateService came.
    pub fn updates(&self) -> usize {
        self.updates.load(Ordering::Acquire)
    }
}

async fn serve(mut stream: TcpStream, how: How, updates: Arc<AtomicUsize>) {
    while let Some(head) = request(&mut stream).await {
        if head.contains("AmazonEC2ContainerServiceV20141113.UpdateService") {
            updates.fetch_add(1, Ordering::AcqRel);
        }
        let (status, body) = match how {
            How::HangsUp => return,
            How::Silent => std::future::pending().await,
            How::Garbled => (200, "{\"service\": ".to_owned()),
            How::Says(status, code) => (
                status,
                format!("{{\"__type\": \"{code}\", \"message\": \"no\"}}"),
            ),
        };
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads a request whole; its head.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let mut some = [0; 4096];
        let count = stream
            .read(&mut some)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        read.extend_from_slice(&some[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let lower = head.to_ascii_lowercase();
        let length = lower
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .and_then(|length| length.trim().parse::<usize>().ok());
        if body.len() >= length.unwrap_or_default() {
            return Some(head.to_owned());
        }
    }
}
