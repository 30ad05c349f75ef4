// JavaScript because colours that were chosen earlier have to be there before the page is drawn.

const chosen = globalThis.__md_get("__palette");
const wanted = matchMedia("(prefers-color-scheme: dark)").matches ? "slate" : "default";
const scheme = chosen?.color?.scheme ?? wanted;
document.body.setAttribute("data-md-color-scheme", scheme);
