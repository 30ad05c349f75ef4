// JavaScript because nothing but a service worker's script answers for a server that cannot be reached.
//
// Each version of the site is kept whole in a cache of its own, and pages load from that cache alone,
// so no page gets files of two versions. A new version is fetched while the old one is in use, and
// replaces it once all pages are closed, or when the person asks for it. Databases (in OPFS) and the
// snapshot of Python's memory (there, too) are never touched here.
//
// One file is kept like all others, but not answered for: Pyodide's WebAssembly (SITE.direct). The
// browser keeps compiled code for responses of its HTTP cache alone; worker/boot.mjs asks that cache
// first and this one second.
//
// Source: https://www.w3.org/TR/service-workers/

const SITE = {}; // serve.py puts its version, its files with their SHA-256 and their policies here

const DIGEST = "X-Sahpool-Digest";
const AT_ONCE = 4; // files fetched in parallel
const ROOM = 6.5; // times the size of the site must be free, as databases need the room more

const SCOPE = new URL("./", location.href);
const PREFIX = `sahpool-site ${SCOPE.pathname} `; // another folder of this origin may have a site, too
const CACHE = PREFIX + SITE.version;

class OtherVersion extends Error {}

/** Returns the URL under which a file of the site is kept; the page is kept under its folder. */
const addressOf = (path) => new URL(path === "index.html" ? "./" : path, SCOPE).href;

/** Returns the path of the site's file that a request is for; undefined when it is for another URL. */
function pathOf({ method, url }) {
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== SCOPE.origin || !pathname.startsWith(SCOPE.pathname)) return undefined;
  const path = pathname.slice(SCOPE.pathname.length) || "index.html";
  return Object.hasOwn(SITE.files, path) ? path : undefined;
}

async function digestOf(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Returns the same file from an earlier version's cache; not the page or a module, as their headers
 *  matter, too. */
async function keptBefore(path, digest) {
  if (path === "index.html" || path.endsWith(".mjs")) return undefined;
  for (const name of await caches.keys()) {
    if (!name.startsWith(PREFIX) || name === CACHE) continue;
    const kept = await caches.match(addressOf(path), { cacheName: name });
    if (kept?.headers.get(DIGEST) === digest) return kept;
  }
  return undefined;
}

async function fetched(path, digest) {
  // Try the page's file name as well: some hosts answer a folder with 404 or with another page.
  const addresses = new Set([addressOf(path), new URL(path, SCOPE).href]);
  // no-cache revalidates what the page has just fetched, mostly without downloading it again. A file
  // that is not answered for stays in the HTTP cache as it is, with its compiled code.
  const modes = path === SITE.direct ? ["force-cache", "reload"] : ["no-cache"];
  let refusal;
  for (const [address, cache] of [...addresses].flatMap((each) => modes.map((mode) => [each, mode]))) {
    const response = await fetch(address, { cache });
    if (!response.ok) refusal = new Error(`${path} could not be fetched: HTTP status ${response.status}`);
    else if ((await digestOf(await response.clone().arrayBuffer())) === digest) return response;
    else refusal = new OtherVersion(`${path} is not of this version`);
  }
  throw refusal;
}

/** Puts a file into the cache, with the Content-Security-Policy that a server should send with it. */
async function keep(cache, path) {
  const digest = SITE.files[path];
  const there = await cache.match(addressOf(path));
  if (there?.headers.get(DIGEST) === digest) return;
  const { body, headers } = (await keptBefore(path, digest)) ?? (await fetched(path, digest));
  const own = new Headers(headers);
  for (const name of ["Content-Encoding", "Content-Length", "Vary"]) own.delete(name); // they describe the transfer
  own.set(DIGEST, digest);
  own.set("Content-Security-Policy", SITE.policies[path.startsWith("worker/") ? "worker" : "page"]);
  await cache.put(addressOf(path), new Response(body, { headers: own }));
}

/** Adds all files of this version that the cache does not have yet. */
async function fill() {
  const cache = await caches.open(CACHE);
  const waiting = Object.keys(SITE.files);
  const lane = async () => {
    while (waiting.length > 0) await keep(cache, waiting.pop());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

async function install() {
  const { quota, usage } = await navigator.storage.estimate();
  // Check the room for a first installation only. An update is needed more than room; where there is
  // none, it fails by itself.
  if (!registration.active && quota - usage < ROOM * SITE.bytes) throw new Error("there is not enough room");
  await fill();
}

/** Fetches files that were cleared. If the server has another version by now, deletes the cache, so
 *  that pages load from the server alone. */
async function heal() {
  try {
    await fill();
  } catch (error) {
    if (error instanceof OtherVersion) await caches.delete(CACHE);
    throw error;
  }
}

/** Lets this version replace the old one, unless more than one page of this console is open. */
async function takeOver() {
  const pages = await clients.matchAll({ type: "window", includeUncontrolled: true });
  const ours = pages.filter(({ url }) => pathOf({ method: "GET", url }) === "index.html");
  if (ours.length > 1) {
    throw new Error(`This console is open ${ours.length} times. Close the others, then update.`);
  }
  await skipWaiting();
}

async function forgetOthers() {
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  }
}

/** Has a browser that can do so answer from the cache by itself, without starting this script. */
async function route(event) {
  const folder = SCOPE.pathname.replaceAll(/[\\+*?:{}()]/g, "\\$&"); // special in a URLPattern
  const when = (pathname) => {
    const urlPattern = new URLPattern({ pathname, search: "", baseURL: SCOPE.href });
    return { urlPattern, requestMethod: "get" };
  };
  await event.addRoutes([
    { condition: when(`${folder}index.html`), source: "fetch-event" }, // it is kept under the folder's URL
    { condition: when(folder + SITE.direct), source: "network" },
    { condition: when(`${folder}*`), source: { cacheName: CACHE } },
  ]);
}

addEventListener("install", (event) => {
  event.waitUntil(install());
  // A browser with another form of addRoutes works without it.
  if (event.addRoutes) route(event).catch(() => null);
});

addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers().catch(() => null).then(() => clients.claim()));
});

addEventListener("fetch", (event) => {
  const path = pathOf(event.request);
  if (path === undefined || path === SITE.direct) return;
  const kept = caches.match(addressOf(path), { cacheName: CACHE });
  // If the cache was cleared or is broken, fetch from the server.
  event.respondWith(kept.catch(() => undefined).then((found) => found ?? fetch(event.request)));
});

const ORDERS = { heal, takeOver };

addEventListener("message", (event) => {
  const [port] = event.ports;
  const done = ORDERS[event.data]().then(
    () => port.postMessage(""),
    (error) => port.postMessage(error.message),
  );
  event.waitUntil(done);
});
