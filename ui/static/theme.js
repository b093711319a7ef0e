// Puts the theme on the page before anything is painted; src/theme.rs keeps it. A plain script in the head, because a
// module runs only after the page and all that the module imports: by then the page was painted light.
"use strict";
{
  let chosen = null;
  try {
    chosen = localStorage.getItem("landfall.theme");
  } catch {
    // A webview without storage follows the system.
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme =
    chosen === "light" || chosen === "dark" ? chosen : dark ? "dark" : "light";
}
