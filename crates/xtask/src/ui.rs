//! Builds the window's app: Rust to WASM, the JavaScript glue, and the files beside it, into `ui/dist`.
//!
//! Owns which compiler does it: rustup's where it has the WASM target, else the distribution's, which builds its own
//! standard library. wasm-bindgen is a library here, so there is no tool to install.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

const TARGET: &str = "wasm32-unknown-unknown";
const NAME: &str = "landfall-ui";
/// Folders whose files are copied into `ui/dist` as they are.
const COPIED: [&str; 3] = ["static", "styles", "fonts"];

/// Builds it all; does nothing that is done already.
pub fn build() -> anyhow::Result<()> {
    let ui = crate::root().join("ui");
    let dist = ui.join("dist");
    let wasm = compile()?;
    bind(&wasm, &dist)?;
    for folder in COPIED {
        copy_folder(&ui.join(folder), &dist)?;
    }
    Ok(())
}

/// Compiles the crate and returns the .wasm file. Its target folder is its own, because two compilers in one folder
/// undo each other's work.
fn compile() -> anyhow::Result<PathBuf> {
    let target = target_folder().join("ui");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(crate::root())
        .args([
            "build",
            "--package",
            NAME,
            "--bin",
            NAME,
            "--target",
            TARGET,
            "--profile",
            "wasm",
        ])
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    let sysroot = PathBuf::from(output(Command::new("rustc").args(["--print", "sysroot"]))?);
    if !sysroot
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib")
        .is_dir()
    {
        use_distribution_compiler(&mut cargo, &sysroot, &target)?;
    }
    let status = cargo.status().context("starting cargo")?;
    if !status.success() {
        bail!("the window's app does not build; see above");
    }
    Ok(target
        .join(TARGET)
        .join("wasm")
        .join(format!("{NAME}.wasm")))
}

/// Points cargo at the distribution's compiler. It knows the target, has its library only as source, and wants a
/// linker called rust-lld on PATH, which rustup's toolchain ships.
fn use_distribution_compiler(
    cargo: &mut Command,
    sysroot: &Path,
    target: &Path,
) -> anyhow::Result<()> {
    let compiler = Path::new("/usr/bin/rustc");
    if !compiler.exists() {
        bail!(
            "no compiler here can build for {TARGET}: `rustup target add {TARGET}`, or on Debian and Ubuntu `apt-get install rustc-web rust-web-src`"
        );
    }
    let host = output(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let linker = sysroot.join("lib/rustlib").join(host).join("bin/rust-lld");
    let bin = target.join("bin");
    std::fs::create_dir_all(&bin)?;
    let link = bin.join("rust-lld");
    if !link.exists() {
        #[cfg(unix)]
        std::os::unix::fs::symlink(&linker, &link)
            .with_context(|| format!("linking {}", linker.display()))?;
    }
    let mut path = vec![bin];
    path.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    cargo
        .env("PATH", std::env::join_paths(path)?)
        .env("RUSTC", compiler)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort");
    Ok(())
}

/// Writes the JavaScript glue, unless it is newer than the program.
fn bind(wasm: &Path, dist: &Path) -> anyhow::Result<()> {
    let glue = dist.join(format!("{NAME}.js"));
    if modified(&glue).is_some_and(|glue| modified(wasm).is_some_and(|wasm| glue > wasm)) {
        return Ok(());
    }
    std::fs::create_dir_all(dist)?;
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(wasm)
        .web(true)?
        .typescript(false)
        // The names of functions are five times as much as the functions.
        .remove_name_section(true)
        .remove_producers_section(true)
        .out_name(NAME)
        .generate(dist)
        .context("writing the JavaScript glue")
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        let same = modified(&copy) >= modified(&entry.path()) && copy.exists();
        if !same {
            std::fs::copy(entry.path(), &copy)
                .with_context(|| format!("writing {}", copy.display()))?;
        }
    }
    Ok(())
}

fn modified(file: &Path) -> Option<std::time::SystemTime> {
    std::fs::metadata(file)
        .and_then(|metadata| metadata.modified())
        .ok()
}

fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::root().join("target"), PathBuf::from)
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .output()
        .with_context(|| format!("starting {command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
