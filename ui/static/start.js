// Starts the window's app. The theme is put on the page first, so that the first paint has it; src/theme.rs keeps it.
import init from "./landfall-ui.js";

let chosen = null;
try {
  chosen = localStorage.getItem("landfall.theme");
} catch {
  // A webview without storage follows the system.
}
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.dataset.theme =
  chosen === "light" || chosen === "dark" ? chosen : dark ? "dark" : "light";

await init({ module_or_path: new URL("./landfall-ui_bg.wasm", import.meta.url) });
