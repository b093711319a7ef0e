//! Telling a person who looks elsewhere: desktop notifications, and a tray icon that says what is followed.
//!
//! Owns how it is told; what is worth telling the console decides. A desktop without notifications or without a tray is
//! none the worse: the window says the same.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use api::follow::{Followed, Notice};
use jiff::Timestamp;
use notify_rust::Notification;
use tauri::async_runtime::{spawn, spawn_blocking};
use tauri::menu::{Menu, MenuItem};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager, Wry};

use crate::session::Workspace;

/// The tray icon's name among the application's.
const TRAY: &str = "followed";
/// How many lines the tray's menu has at most, and how long one is.
const LINES: usize = 12;
const LONGEST: usize = 80;

/// Tells what happens to what is followed, of one workspace at a time.
#[derive(Default)]
pub struct Teller {
    of: Mutex<Weak<Workspace>>,
}

impl Teller {
    /// Begins to tell what happens in a workspace, unless it does already. It ends with the workspace.
    pub fn attend(&self, workspace: &Arc<Workspace>, app: &AppHandle) {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if of
            .upgrade()
            .is_some_and(|known| Arc::ptr_eq(&known, workspace))
        {
            return;
        }
        *of = Arc::downgrade(workspace);
        let following = workspace.console.following();
        let mut notices = following.notices();
        spawn(async move {
            use tokio::sync::broadcast::error::RecvError;
            loop {
                match notices.recv().await {
                    Ok(notice) => notify(notice),
                    // The newest are still there.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        });
        let mut followed = following.watch();
        let app = app.clone();
        spawn(async move {
            while let Some(update) = followed.next().await {
                show_tray(&app, update.value);
            }
            show_tray(&app, Vec::new());
        });
    }
}

/// A desktop notification. Whoever has no place for one reads it in the window.
fn notify(notice: Notice) {
    spawn_blocking(move || {
        let now = Timestamp::now();
        let says = notice.says.text(|at| api::time::relative(at, now));
        let shown = Notification::new()
            .appname("Landfall")
            .summary(&api::headline::plain(&notice.title, LONGEST))
            .body(&escaped(&says))
            .show();
        if let Err(error) = shown {
            tracing::info!(%error, "no desktop notification");
        }
    });
}

/// Foreign text in a notification's body, which some desktops read as markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Makes the tray say what is followed; where nothing is, there is no icon.
fn show_tray(app: &AppHandle, followed: Vec<Followed>) {
    let handle = app.clone();
    let asked = app.run_on_main_thread(move || {
        if let Err(error) = tray(&handle, &followed) {
            tracing::info!(%error, "no tray icon");
        }
    });
    if let Err(error) = asked {
        tracing::info!(%error, "no tray icon");
    }
}

fn tray(app: &AppHandle, followed: &[Followed]) -> tauri::Result<()> {
    if followed.is_empty() {
        app.remove_tray_by_id(TRAY);
        return Ok(());
    }
    let menu = menu(app, followed)?;
    let tooltip = tooltip(followed);
    if let Some(tray) = app.tray_by_id(TRAY) {
        tray.set_menu(Some(menu))?;
        return say(&tray, &tooltip);
    }
    let mut builder = TrayIconBuilder::with_id(TRAY)
        .menu(&menu)
        .tooltip(&tooltip)
        .on_menu_event(|app, _| {
            if let Some(window) = app.get_webview_window("main") {
                // A window that cannot be brought forward stays where it is.
                let _ = window.unminimize().and_then(|()| window.set_focus());
            }
        });
    if let Some(icon) = app.default_window_icon() {
        builder = builder.icon(icon.clone());
    }
    builder.build(app)?;
    Ok(())
}

fn say(tray: &TrayIcon<Wry>, tooltip: &str) -> tauri::Result<()> {
    tray.set_tooltip(Some(tooltip))
}

fn menu(app: &AppHandle, followed: &[Followed]) -> tauri::Result<Menu<Wry>> {
    let menu = Menu::new(app)?;
    for one in followed.iter().take(LINES) {
        let line = api::headline::plain(&one.says, LONGEST);
        menu.append(&MenuItem::new(app, line, true, None::<&str>)?)?;
    }
    Ok(menu)
}

/// "Following 2: checkout 3f2c1ab: in 2 of 3; …"
fn tooltip(followed: &[Followed]) -> String {
    let lines: Vec<&str> = followed.iter().map(|one| one.says.as_str()).collect();
    let all = format!("Following {}: {}", followed.len(), lines.join("; "));
    api::headline::plain(&all, LONGEST * 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::Ask;

    #[test]
    fn foreign_text_is_no_markup() {
        assert_eq!(escaped("<b>a</b> & b"), "&lt;b&gt;a&lt;/b&gt; &amp; b");
    }

    #[test]
    fn a_tooltip_is_one_line_of_what_is_followed() {
        let one = |says: &str| Followed {
            ask: Ask::default(),
            says: says.to_owned(),
        };
        let both = [
            one("checkout 3f2c1ab: in 2 of 3"),
            one("search\n1a90c3e: in 1 of 3"),
        ];
        let expected = "Following 2: checkout 3f2c1ab: in 2 of 3; search 1a90c3e: in 1 of 3";
        assert_eq!(tooltip(&both), expected);
    }
}
