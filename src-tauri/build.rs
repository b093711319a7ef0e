//! Generates the shell's context, and a permission for each command in the one list.

fn main() {
    let attributes = tauri_build::Attributes::new()
        .app_manifest(tauri_build::AppManifest::new().commands(&api::request::COMMANDS));
    if let Err(error) = tauri_build::try_build(attributes) {
        // Cargo shows a build script's output only when it fails, and this is how it fails.
        println!("cargo::error={error:#}");
    }
}
