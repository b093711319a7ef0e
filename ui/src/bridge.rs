//! The bridge to the console: requests with one reply, and streams, over the shell's own channel.
//!
//! Owns how a request becomes a command and how a stream's messages become items, in order, until its end. What is
//! asked and what comes back is `api`'s. Outside the shell (a plain browser) every request fails with words; a page
//! that wants to show recorded documents puts an object of the same form in the shell's place (ui/mock).

pub mod ordering;
#[cfg(test)]
mod recorded;

use std::cell::RefCell;
use std::rc::Rc;

use api::error::{Code, Error};
use api::request::Unwatch;
use api::{Request, Stream};
use js_sys::{Function, JSON, Object, Promise, Reflect};
use ordering::{InOrder, Parcel};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// What a stream says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<T> {
    /// A new item; it replaces the one before.
    Item(T),
    /// The stream could not be started, or an item could not be read.
    Failed(Error),
    /// The console ended the stream: nothing more comes.
    Ended,
}

/// Sends a request and waits for its reply.
///
/// # Errors
/// What the console answers, or that there is no console.
pub async fn call<R: Request>(request: &R) -> Result<R::Reply, Error> {
    let reply = invoke(R::NAME, request, None).await?;
    decode(&reply)
}

/// Starts a stream. It ends when the subscription is dropped.
pub fn watch<S: Stream + 'static>(
    request: S,
    each: impl Fn(Event<S::Item>) + 'static,
) -> Subscription {
    let each = Rc::new(each);
    let order = RefCell::new(InOrder::default());
    let listener = {
        let each = Rc::clone(&each);
        Closure::<dyn FnMut(JsValue)>::new(move |raw: JsValue| {
            let Some((index, parcel)) = parcel(&raw) else {
                return;
            };
            let due = order.borrow_mut().take(index, parcel);
            for parcel in due {
                each(match parcel {
                    Parcel::Message(message) => match decode(&message) {
                        Ok(item) => Event::Item(item),
                        Err(error) => Event::Failed(error),
                    },
                    Parcel::End => Event::Ended,
                });
            }
        })
    };
    let channel = register(&listener);
    match channel {
        Ok(channel) => spawn_local(async move {
            if let Err(error) = invoke(S::NAME, &request, Some(channel)).await {
                each(Event::Failed(error));
            }
        }),
        Err(ref error) => each(Event::Failed(error.clone())),
    }
    Subscription {
        channel: channel.ok(),
        _listener: listener,
    }
}

/// A running stream. Dropping it tells the console to end it.
#[derive(Debug)]
pub struct Subscription {
    channel: Option<u32>,
    _listener: Closure<dyn FnMut(JsValue)>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let Some(channel) = self.channel else {
            return;
        };
        // First the callback, so that no message meets a closure that is gone.
        if let Ok(shell) = shell()
            && let Ok(forget) = method(&shell, "unregisterCallback")
        {
            // What the shell says to forgetting a callback changes nothing here.
            let _ = forget.call1(&shell, &JsValue::from(channel));
        }
        spawn_local(async move {
            // The console may have ended the stream already: then there is nothing to end.
            let _ = call(&Unwatch { channel }).await;
        });
    }
}

/// Sends one command with its request and, for a stream, its channel.
async fn invoke<R: Serialize>(
    name: &str,
    request: &R,
    channel: Option<u32>,
) -> Result<JsValue, Error> {
    let shell = shell()?;
    let invoke = method(&shell, "invoke")?;
    let arguments = Object::new();
    put(&arguments, "request", &encode(request)?)?;
    if let Some(channel) = channel {
        let name = format!("__CHANNEL__:{channel}");
        put(&arguments, "channel", &JsValue::from_str(&name))?;
    }
    let promise = invoke
        .call2(&shell, &JsValue::from_str(name), &arguments)
        .map_err(|thrown| broken(&thrown))?;
    let promise = Promise::resolve(&promise);
    JsFuture::from(promise).await.map_err(|thrown| {
        // The console's errors are api::Error; anything else is the shell's own, such as a command it does not allow.
        decode(&thrown).unwrap_or_else(|_| broken(&thrown))
    })
}

/// Registers a channel's listener with the shell and returns the channel's id.
fn register(listener: &Closure<dyn FnMut(JsValue)>) -> Result<u32, Error> {
    let shell = shell()?;
    let id = method(&shell, "transformCallback")?
        .call2(&shell, listener.as_ref(), &JsValue::FALSE)
        .map_err(|thrown| broken(&thrown))?;
    decode(&id)
}

/// What the shell gives the page.
fn shell() -> Result<JsValue, Error> {
    let absent = || {
        Error::new(
            Code::Internal,
            "This page is the inside of Landfall's window and has no console to talk to.",
        )
        .hint("Start Landfall itself: the page works nowhere else.")
    };
    let window = web_sys::window().ok_or_else(absent)?;
    let shell =
        Reflect::get(&window, &JsValue::from_str("__TAURI_INTERNALS__")).map_err(|_| absent())?;
    if shell.is_object() {
        Ok(shell)
    } else {
        Err(absent())
    }
}

/// One of the shell's functions.
fn method(shell: &JsValue, name: &str) -> Result<Function, Error> {
    Reflect::get(shell, &JsValue::from_str(name))
        .map_err(|thrown| broken(&thrown))?
        .dyn_into()
        .map_err(|_| broken(&JsValue::from_str(&format!("no function {name}"))))
}

/// Sets a field of an object of our own.
fn put(object: &Object, name: &str, value: &JsValue) -> Result<(), Error> {
    Reflect::set(object, &JsValue::from_str(name), value)
        .map(drop)
        .map_err(|thrown| broken(&thrown))
}

/// A value as the page's own JSON.
fn encode<T: Serialize>(value: &T) -> Result<JsValue, Error> {
    let text = serde_json::to_string(value)
        .map_err(|error| broken(&JsValue::from_str(&error.to_string())))?;
    JSON::parse(&text).map_err(|thrown| broken(&thrown))
}

/// The page's JSON as a value. By way of text: the page's own `JSON.stringify` and serde's reader are faster over a
/// whole board than walking the page's objects field by field.
fn decode<T: DeserializeOwned>(value: &JsValue) -> Result<T, Error> {
    let text = JSON::stringify(value)
        .ok()
        .and_then(|text| text.as_string())
        // What JSON has no word for (`undefined`) is the empty reply.
        .unwrap_or_else(|| "null".to_owned());
    serde_json::from_str(&text).map_err(|error| {
        Error::new(
            Code::Internal,
            format!("The console sent something this window cannot read: {error}."),
        )
        .hint("Window and console are of different versions: restart Landfall.")
    })
}

/// A channel's raw message as its index and parcel.
fn parcel(raw: &JsValue) -> Option<(u64, Parcel<JsValue>)> {
    let field = |name: &str| Reflect::get(raw, &JsValue::from_str(name)).ok();
    let index: u64 = decode(&field("index")?).ok()?;
    let parcel = if field("end")?.is_truthy() {
        Parcel::End
    } else {
        Parcel::Message(field("message")?)
    };
    Some((index, parcel))
}

/// An error of the shell itself, in its own words.
fn broken(thrown: &JsValue) -> Error {
    let words = thrown
        .as_string()
        .or_else(|| {
            thrown
                .dyn_ref::<js_sys::Error>()
                .map(|error| String::from(error.message()))
        })
        .unwrap_or_else(|| "it gave no reason".to_owned());
    Error::new(
        Code::Internal,
        format!("The window could not reach its console: {words}."),
    )
    .hint("Restart Landfall; if it happens again, report it.")
}
