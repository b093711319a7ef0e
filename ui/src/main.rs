//! Starts the window's app in its page.

use landfall_ui::shell::App;

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(App);
}
