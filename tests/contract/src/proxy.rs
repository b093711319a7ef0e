//! A proxy between a client and an API server that does what a script says: refuse, delay, hang, cut, lie about the time.
//!
//! Owns the port, the script and the count of requests, so that tests count work and not time. It speaks HTTP/1.1 to the
//! client, and to the server whatever that speaks. Dropping it closes its port and every connection.

mod forward;
mod script;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::target::TargetError;
use crate::{Target, Trust};
use forward::{Forward, Server};
pub use script::{Fault, Rule, Script};
use wire::Wire;

/// Why a proxy did not start.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// No port could be had.
    #[error("the proxy cannot listen")]
    Listen(#[from] io::Error),
    /// The server behind it cannot be spoken to.
    #[error(transparent)]
    Target(#[from] TargetError),
}

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    script: Arc<Script>,
    forward: Arc<Forward>,
    frozen: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Starts one on any free port of loopback, in front of a server.
    ///
    /// # Errors
    /// If there is no port, or no client for the server.
    pub async fn start(server: &str, trust: Trust) -> Result<Self, ProxyError> {
        let server = spoken_to(server, trust)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let script = Arc::new(Script::default());
        let forward = Arc::new(Forward::new(server, script.clone()));
        let frozen = watch::Sender::new(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, forward.clone(), frozen.subscribe()));
        Ok(Self {
            address,
            script,
            forward,
            frozen,
            _tasks: tasks,
        })
    }

    /// Its address as a URL without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The rules, and the count of requests.
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// Stands in front of another server from now on: each request that is sent on from here goes there.
    ///
    /// # Errors
    /// If there is no client for the server.
    pub fn turn(&self, server: &str, trust: Trust) -> Result<(), ProxyError> {
        self.forward.turn(spoken_to(server, trust)?);
        Ok(())
    }

    /// Half-open from now on: connections are accepted and kept, and not one byte goes either way.
    pub fn freeze(&self) {
        self.frozen.send_replace(true);
    }

    /// Ends that: the connections that were kept break, new ones are served.
    pub fn thaw(&self) {
        self.frozen.send_replace(false);
    }
}

/// What speaks to a server.
fn spoken_to(server: &str, trust: Trust) -> Result<Server, TargetError> {
    let target = Target {
        url: server.trim_end_matches('/').to_owned(),
        token: String::new(),
        trust,
    };
    Ok(Server {
        client: target.client()?,
        url: target.url,
    })
}

/// Accepts connections for ever; they end with this task.
async fn accept(listener: TcpListener, forward: Arc<Forward>, frozen: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream, forward.clone(), frozen.clone()));
                }
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn serve(stream: TcpStream, forward: Arc<Forward>, mut frozen: watch::Receiver<bool>) {
    let wire = Wire::new(stream, frozen.clone());
    let reset = wire.reset();
    let service = service_fn(move |request| {
        let (forward, reset) = (forward.clone(), reset.clone());
        async move { forward.answer(request, reset).await }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(wire), service);
    tokio::select! {
        // However it ended: the client knows better than we do.
        _ended = connection => {}
        () = thawed(&mut frozen) => {}
    }
}

/// Waits until a freeze has come and gone.
async fn thawed(frozen: &mut watch::Receiver<bool>) {
    let over = async {
        frozen.wait_for(|frozen| *frozen).await?;
        frozen.wait_for(|frozen| !*frozen).await.map(|_| ())
    };
    if over.await.is_err() {
        // The proxy is gone, and this task with it in a moment.
        std::future::pending::<()>().await;
    }
}
