//! The desktop shell: one window, and the commands that it may call. Thin: parse, call the console, map the error.
//!
//! Owns the window and the arguments. The commands are in [`commands`], what is open in [`session`].

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod closing;
mod commands;
mod session;
mod tell;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tauri::{WebviewUrl, WebviewWindowBuilder};

use closing::Closing;
use session::{Session, Start};

/// Landfall's window.
#[derive(Parser)]
#[command(name = "landfall-desktop", version, about = "Landfall's window")]
struct Arguments {
    /// Opens the embedded company at once
    #[arg(long, conflicts_with_all = ["context"])]
    sandbox: bool,
    /// Opens it as one of its people, who has to sign in
    #[arg(long, requires = "sandbox")]
    sign_in: bool,
    /// The kubeconfig [default: KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Opens this context at once; may be given several times
    #[arg(long, value_name = "NAME")]
    context: Vec<String>,
    /// The team file: code hosts, registries, environments
    #[arg(long, value_name = "FILE")]
    team: Option<PathBuf>,
}

fn main() -> ExitCode {
    let no_dumps = console::no_core_dumps();
    let arguments = Arguments::parse();
    if std::env::var_os("RUST_LOG").is_some() {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .init();
    }
    if let Err(why) = no_dumps {
        tracing::warn!(%why, "core dumps cannot be turned off");
    }
    let session = Arc::new(Session::new(Start {
        sandbox: arguments.sandbox,
        sign_in: arguments.sign_in,
        // A kubeconfig given by hand is opened at once; the person's own is offered.
        at_once: arguments.kubeconfig.is_some() || !arguments.context.is_empty(),
        kubeconfig: arguments.kubeconfig,
        contexts: arguments.context,
        team: arguments.team,
    }));
    let closing = Closing::new(Arc::clone(&session));
    let built = tauri::Builder::default()
        .invoke_handler(commands::handler(Arc::clone(&session)))
        .on_window_event(move |window, event| {
            if let tauri::WindowEvent::CloseRequested { api, .. } = event
                && closing.asks(window)
            {
                api.prevent_close();
            }
        })
        .setup(|app| {
            end_when_asked(app.handle().clone());
            WebviewWindowBuilder::new(app, "main", WebviewUrl::App("index.html".into()))
                .title("Landfall")
                .inner_size(1280.0, 800.0)
                .min_inner_size(1024.0, 600.0)
                // The window shows Landfall and nothing else: a link cannot take it anywhere.
                .on_navigation(|url| {
                    url.scheme() == "tauri" || url.host_str() == Some("tauri.localhost")
                })
                .build()?;
            Ok(())
        })
        .build(tauri::generate_context!());
    match built {
        Ok(app) => {
            app.run(move |_, event| {
                // The process ends without dropping anything: the embedded company would leave its folder behind, and a
                // sign-in plugin would live on.
                if matches!(event, tauri::RunEvent::Exit) {
                    tauri::async_runtime::block_on(session.end());
                    console::end_plugins();
                }
            });
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(%error, "the window could not be opened");
            ExitCode::FAILURE
        }
    }
}

/// Closes the window as a person would when somebody ends the program by a signal.
fn end_when_asked(app: tauri::AppHandle) {
    #[cfg(unix)]
    tauri::async_runtime::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut asked), Ok(mut hung_up)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::hangup()),
        ) else {
            return;
        };
        tokio::select! {
            _ = asked.recv() => {}
            _ = hung_up.recv() => {}
        }
        app.exit(0);
    });
    #[cfg(not(unix))]
    let _ = app;
}
