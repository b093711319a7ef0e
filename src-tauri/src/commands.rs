//! The commands the window may call: each looked up by its name in the one list of `api`.
//!
//! Owns the way from a Tauri message to a typed request and back, and the streams that are running. A stream ends when
//! the window unwatches it, or when the window goes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::error::Code;
use api::request::{
    AllowPlugin, AskRights, Begin, BeginSignIn, CancelRun, CancelSignIn, CloseWindow, Diagnose,
    ExportBundle, Exported, Follow, JoinTeam, LeaveTeam, ListActions, OfferActions, OfferTeam,
    Open, PlanAction, Plugin, ReadObject, ReadPlugin, Request, RunAction, SaveDiagnosis, SettleRun,
    SignOut, Stream, Unfollow, Unwatch, WatchAnswer, WatchApp, WatchBoard, WatchChanges,
    WatchConnections, WatchFollowed, WatchRuns, WatchSignIn,
};
use api::{Board, BoardNews, Error};
use console::{Subscription, Way};
use serde::de::DeserializeOwned;
use tauri::async_runtime::{JoinHandle, spawn};
use tauri::ipc::{Channel, Invoke, InvokeBody, InvokeMessage, JavaScriptChannelId};
use tauri::{Manager, Wry};

use crate::session::{Session, Workspace};
use crate::tell::Teller;

/// How long systems may take before a bundle says that they do not answer.
const BUNDLE_WITHIN: Duration = Duration::from_secs(15);

/// How long the systems may take before a diagnosis says that something was not read in time.
const DIAGNOSIS_WITHIN: Duration = Duration::from_secs(30);

/// The running streams by their channel's id.
type Streams = Arc<Mutex<HashMap<u32, JoinHandle<()>>>>;

/// The one handler. Names that are not in the list are refused by Tauri's permissions before they come here.
pub fn handler(session: Arc<Session>) -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
    let streams = Streams::default();
    let teller = Arc::new(Teller::default());
    move |invoke| {
        let session = Arc::clone(&session);
        let streams = Arc::clone(&streams);
        match invoke.message.command() {
            Begin::NAME => answer::<Begin, _>(invoke, |_| async move { session.begin().await }),
            ReadPlugin::NAME => answer::<ReadPlugin, _>(invoke, |read| async move {
                let workspace = session.workspace().await?;
                let command = workspace.console.plugin(&read.context).ok_or_else(|| {
                    Error::new(
                        Code::NotFound,
                        format!("{} runs no command for signing in", read.context),
                    )
                })?;
                Ok(Plugin {
                    program: command.program(),
                    arguments: command.arguments(),
                    variables: command.variables(),
                    server: command.server(),
                    is_allowed: workspace.console.is_allowed(&command),
                    digest: command.digest(),
                })
            }),
            AllowPlugin::NAME => answer::<AllowPlugin, _>(invoke, |allow| async move {
                session
                    .workspace()
                    .await?
                    .console
                    .allow_plugin(&allow.digest)
            }),
            BeginSignIn::NAME => answer::<BeginSignIn, _>(invoke, |begin| async move {
                let signing_in = session.signing_in().await?;
                match begin.with_code {
                    true => signing_in.with_code(|_| {}).await,
                    false => {
                        let open = |address: &url::Url| webbrowser::open(address.as_str());
                        signing_in.in_browser(open).await
                    }
                }
            }),
            CancelSignIn::NAME => answer::<CancelSignIn, _>(invoke, |_| async move {
                session.signing_in().await?.cancel();
                Ok(())
            }),
            SignOut::NAME => answer::<SignOut, _>(invoke, |_| async move {
                let signing_in = session.signing_in().await?;
                session.nothing_goes("Signing out").await?;
                // What the sign-in opened is not shown any longer, whatever the provider says.
                end_all(&streams);
                session.close().await;
                signing_in.sign_out().await
            }),
            LeaveTeam::NAME => answer::<LeaveTeam, _>(invoke, |_| async move {
                session.nothing_goes("Leaving the team").await?;
                end_all(&streams);
                session.leave().await
            }),
            OfferTeam::NAME => {
                answer::<OfferTeam, _>(
                    invoke,
                    |offer| async move { session.offer(&offer.from).await },
                )
            }
            JoinTeam::NAME => answer::<JoinTeam, _>(invoke, |join| async move {
                let opened = session.join(&join).await?;
                end_all(&streams);
                Ok(opened)
            }),
            Open::NAME => answer::<Open, _>(invoke, |open| async move {
                session.nothing_goes("Opening something else").await?;
                // What is shown of the old systems ends with them.
                end_all(&streams);
                session.open(open).await
            }),
            AskRights::NAME => answer::<AskRights, _>(invoke, |_| async move {
                session.workspace().await?.console.ask_rights_anew();
                Ok(())
            }),
            ExportBundle::NAME => answer::<ExportBundle, _>(invoke, |_| async move {
                let workspace = session.workspace().await?;
                let written = workspace.console.export_bundle(None, BUNDLE_WITHIN).await?;
                Ok(Exported {
                    path: written.display().to_string(),
                })
            }),
            Diagnose::NAME => answer::<Diagnose, _>(invoke, |diagnose| async move {
                let workspace = session.workspace().await?;
                let console = &workspace.console;
                console.diagnose(&diagnose.object, DIAGNOSIS_WITHIN).await
            }),
            SaveDiagnosis::NAME => answer::<SaveDiagnosis, _>(invoke, |save| async move {
                let workspace = session.workspace().await?;
                let written = workspace.console.save_diagnosis(&save.id, None)?;
                Ok(Exported {
                    path: written.display().to_string(),
                })
            }),
            ReadObject::NAME => answer::<ReadObject, _>(invoke, |read| async move {
                session
                    .workspace()
                    .await?
                    .console
                    .read_object(&read.object)
                    .await
            }),
            OfferActions::NAME => answer::<OfferActions, _>(invoke, |offer| async move {
                let workspace = session.workspace().await?;
                workspace.console.offers(&offer.object).await
            }),
            ListActions::NAME => answer::<ListActions, _>(invoke, |_| async move {
                session.workspace().await?.console.catalogue().await
            }),
            CloseWindow::NAME => {
                let app = invoke.message.webview().app_handle().clone();
                answer::<CloseWindow, _>(invoke, |_| async move {
                    app.exit(0);
                    Ok(())
                });
            }
            PlanAction::NAME => answer::<PlanAction, _>(invoke, |plan| async move {
                let workspace = session.workspace().await?;
                workspace.console.plan(&plan.wish).await
            }),
            RunAction::NAME => answer::<RunAction, _>(invoke, |run| async move {
                let actions = session.workspace().await?.console.actions();
                let despite = run.despite_freeze;
                actions
                    .run(&run.hash, run.meant, despite, Way::Window)
                    .await
            }),
            CancelRun::NAME => answer::<CancelRun, _>(invoke, |cancel| async move {
                session
                    .workspace()
                    .await?
                    .console
                    .actions()
                    .cancel(&cancel.run)
            }),
            SettleRun::NAME => answer::<SettleRun, _>(invoke, |settle| async move {
                let actions = session.workspace().await?.console.actions();
                actions.settle(&settle.run, settle.look).await
            }),
            Follow::NAME => {
                let app = invoke.message.webview().app_handle().clone();
                let teller = Arc::clone(&teller);
                answer::<Follow, _>(invoke, |follow| async move {
                    let workspace = session.workspace().await?;
                    teller.attend(&workspace, &app);
                    workspace.console.follow(&follow.ask);
                    Ok(())
                });
            }
            Unfollow::NAME => answer::<Unfollow, _>(invoke, |unfollow| async move {
                let workspace = session.workspace().await?;
                workspace.console.following().unfollow(&unfollow.ask);
                Ok(())
            }),
            Unwatch::NAME => answer::<Unwatch, _>(invoke, |unwatch| async move {
                end(&streams, unwatch.channel);
                Ok(())
            }),
            WatchBoard::NAME => {
                let mut sent: Option<Board> = None;
                let news = move |board: Board| {
                    let news = match &sent {
                        Some(before) => BoardNews::since(before, &board),
                        None => Some(BoardNews::whole(&board)),
                    };
                    sent = Some(board);
                    news
                };
                stream_of::<WatchBoard, _>(invoke, session, streams, news, |workspace, _| {
                    workspace.console.watch_board()
                });
            }
            WatchAnswer::NAME => {
                stream::<WatchAnswer>(invoke, session, streams, |workspace, watch| {
                    workspace.console.watch_answer(watch.ask)
                });
            }
            WatchApp::NAME => stream::<WatchApp>(invoke, session, streams, |workspace, watch| {
                workspace.console.watch_app(watch.app)
            }),
            WatchChanges::NAME => {
                stream::<WatchChanges>(invoke, session, streams, |workspace, _| {
                    workspace.console.watch_changes()
                });
            }
            WatchConnections::NAME => {
                stream::<WatchConnections>(invoke, session, streams, |workspace, _| {
                    workspace.console.watch_connections()
                });
            }
            WatchFollowed::NAME => {
                stream::<WatchFollowed>(invoke, session, streams, |workspace, _| {
                    workspace.console.following().watch()
                });
            }
            WatchRuns::NAME => stream::<WatchRuns>(invoke, session, streams, |workspace, _| {
                workspace.console.watch_runs()
            }),
            WatchSignIn::NAME => {
                stream::<WatchSignIn>(invoke, session, streams, |workspace, _| {
                    workspace.console.watch_sign_in()
                });
            }
            _ => return false,
        }
        true
    }
}

/// Answers a request with one reply.
fn answer<R, F>(invoke: Invoke<Wry>, run: impl FnOnce(R) -> F + Send + 'static)
where
    R: Request + Send + 'static,
    R::Reply: Send,
    F: Future<Output = Result<R::Reply, Error>> + Send,
{
    let Invoke {
        message, resolver, ..
    } = invoke;
    let request = parse::<R>(&message, R::NAME);
    spawn(async move {
        let reply = match request {
            Ok(request) => run(request).await,
            Err(error) => Err(error),
        };
        match reply.and_then(|reply| json(&reply)) {
            Ok(reply) => resolver.resolve(reply),
            Err(error) => resolver.reject(error),
        }
    });
}

/// Starts a stream of whole values on the channel that came with the request.
fn stream<S>(
    invoke: Invoke<Wry>,
    session: Arc<Session>,
    streams: Streams,
    subscribe: impl FnOnce(&Workspace, S) -> Subscription<S::Item> + Send + 'static,
) where
    S: Stream + Send + 'static,
    S::Item: Clone + Send + Sync + 'static,
{
    stream_of::<S, S::Item>(invoke, session, streams, Some, subscribe);
}

/// Starts a stream of what `say` makes of each value, on the channel that came with the request.
fn stream_of<S, T>(
    invoke: Invoke<Wry>,
    session: Arc<Session>,
    streams: Streams,
    say: impl FnMut(T) -> Option<S::Item> + Send + 'static,
    subscribe: impl FnOnce(&Workspace, S) -> Subscription<T> + Send + 'static,
) where
    S: Stream + Send + 'static,
    S::Item: Send,
    T: Clone + Send + Sync + 'static,
{
    let Invoke {
        message, resolver, ..
    } = invoke;
    let request = parse::<S>(&message, S::NAME);
    let channel = channel(&message);
    spawn(async move {
        let begun = async {
            let (request, channel) = (request?, channel?);
            let workspace = session.workspace().await?;
            let subscription = subscribe(&workspace, request);
            // The workspace itself is not kept: opening another one closes it.
            let id = channel.id();
            let task = spawn(forward(subscription, say, channel));
            if let Some(before) = streams
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(id, task)
            {
                before.abort();
            }
            Ok::<(), Error>(())
        };
        match begun.await {
            Ok(()) => resolver.resolve(()),
            Err(error) => resolver.reject(error),
        }
    });
}

/// Sends what is said of every new value until the window or the subscription ends; dropping the channel tells the window.
async fn forward<T: Clone + Send + Sync + 'static, I: serde::Serialize>(
    mut subscription: Subscription<T>,
    mut say: impl FnMut(T) -> Option<I>,
    channel: Channel<serde_json::Value>,
) {
    while let Some(update) = subscription.next().await {
        let Some(said) = say(update.value) else {
            continue;
        };
        let sent = json(&said).map(|value| channel.send(value));
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

fn end(streams: &Streams, channel: u32) {
    if let Some(task) = streams
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&channel)
    {
        task.abort();
    }
}

fn end_all(streams: &Streams) {
    for (_, task) in streams
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .drain()
    {
        task.abort();
    }
}

/// The request out of the message's `request` argument.
fn parse<T: DeserializeOwned>(message: &InvokeMessage<Wry>, name: &str) -> Result<T, Error> {
    let argument = argument(message, "request").unwrap_or_else(|| serde_json::json!({}));
    serde_json::from_value(argument).map_err(|error| {
        Error::new(
            Code::Internal,
            format!("the window sent a '{name}' that cannot be read: {error}"),
        )
    })
}

/// The channel out of the message's `channel` argument.
fn channel(message: &InvokeMessage<Wry>) -> Result<Channel<serde_json::Value>, Error> {
    let missing = || {
        Error::new(
            Code::Internal,
            "the window asked for a stream without a channel",
        )
    };
    let id = argument(message, "channel").ok_or_else(missing)?;
    let id: JavaScriptChannelId = serde_json::from_value(id).map_err(|_| missing())?;
    Ok(id.channel_on(message.webview()))
}

fn argument(message: &InvokeMessage<Wry>, name: &str) -> Option<serde_json::Value> {
    match message.payload() {
        InvokeBody::Json(arguments) => arguments.get(name).cloned(),
        InvokeBody::Raw(_) => None,
    }
}

fn json(value: &impl serde::Serialize) -> Result<serde_json::Value, Error> {
    serde_json::to_value(value)
        .map_err(|error| Error::new(Code::Internal, format!("an answer cannot be sent: {error}")))
}
