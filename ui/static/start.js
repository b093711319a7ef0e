// Starts the window's app.
import init from "./landfall-ui.js";

await init({ module_or_path: new URL("./landfall-ui_bg.wasm", import.meta.url) });
