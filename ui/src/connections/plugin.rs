//! The command that a kubeconfig context wants to run for signing in: shown whole, and allowed by a button.
//!
//! Owns that question. Exactly what is shown is allowed, by its digest: so nothing of it is shortened.

use api::error::{Code, Error};
use api::request::{AllowPlugin, Plugin, ReadPlugin};
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::bridge;
use crate::foreign;
use crate::notice;

/// The question, where there is one.
#[component]
pub fn MayRun(
    /// The context.
    context: String,
) -> impl IntoView {
    let plugin = RwSignal::new(None::<Plugin>);
    let refused = RwSignal::new(None::<Error>);
    spawn_local(async move {
        match bridge::call(&ReadPlugin { context }).await {
            Ok(found) => plugin.set(Some(found)),
            // Most contexts run nothing.
            Err(error) if error.code == Code::NotFound => {}
            Err(error) => refused.set(Some(error)),
        }
    });
    let allow = move |digest: String| {
        refused.set(None);
        spawn_local(async move {
            match bridge::call(&AllowPlugin { digest }).await {
                Ok(()) => plugin.update(|plugin| {
                    if let Some(plugin) = plugin {
                        plugin.is_allowed = true;
                    }
                }),
                Err(error) => refused.set(Some(error)),
            }
        });
    };
    view! {
        {move || plugin.get().filter(|plugin| !plugin.is_allowed).map(|plugin| question(&plugin, allow))}
        {move || refused.get().map(|error| notice::error(&error))}
    }
}

fn question(plugin: &Plugin, allow: impl Fn(String) + Copy + Send + 'static) -> AnyView {
    let Some(program) = &plugin.program else {
        return view! { <p class="said">"There is no such program on this machine."</p> }
            .into_any();
    };
    let arguments = plugin
        .arguments
        .iter()
        .map(|one| view! { <li class="mono wrap">{foreign::visible(one)}</li> })
        .collect_view();
    let variables = plugin
        .variables
        .iter()
        .map(|(name, value)| {
            view! { <li class="mono wrap">"with " {foreign::visible(name)} "=" {foreign::visible(value)}</li> }
        })
        .collect_view();
    let digest = plugin.digest.clone();
    view! {
        <details class="refusals may-run">
            <summary>"Look at the command"</summary>
            <p class="said">
                "To sign in, the kubeconfig wants to run " <span class="mono wrap">{foreign::visible(program)}</span>
                " on this machine with your rights, and to send what it says to "
                <span class="mono wrap">{foreign::visible(&plugin.server)}</span> ":"
            </p>
            <ul>{arguments} {variables}</ul>
            <p>
                <button class="btn" type="button" on:click=move |_| allow(digest.clone())>
                    "Allow exactly this command"
                </button>
            </p>
        </details>
    }
    .into_any()
}
