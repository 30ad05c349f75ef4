// JavaScript because nothing but a service worker's script answers for a server that cannot be reached.
//
// The whole site is kept, each version in a cache of its own, and pages are made from the cache alone:
// no page gets the files of two versions. A new version is brought in while the old one goes on,
// and takes its place once all pages are closed, or when the person says so. Databases lie elsewhere
// (OPFS) and so does the snapshot of Python's memory: neither is ever touched here.
//
// Source: https://www.w3.org/TR/service-workers/

const SITE = {}; // serve.py puts its version, its files with their SHA-256 and their policies here

const DIGEST = "X-Sahpool-Digest";
const AT_ONCE = 4; // files that are fetched at one time
const ROOM = 10; // times what the site takes must be free: databases come first

const SCOPE = new URL("./", location.href);
const PREFIX = `sahpool-site ${SCOPE.pathname} `; // another folder of this origin may have its own
const CACHE = PREFIX + SITE.version;

class OtherVersion extends Error {}

/** Where a file of the site is; the page itself is where people go. */
const addressOf = (path) => new URL(path === "index.html" ? "./" : path, SCOPE).href;

/** The file of the site that a request is for; undefined when it is for something else. */
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

/** The same file as an earlier version kept it; not where the headers that came with it count. */
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
  // The page by its name as well: some hosts have nothing, or something else, where a folder is.
  const addresses = new Set([addressOf(path), new URL(path, SCOPE).href]);
  let refusal;
  for (const address of addresses) {
    // Asks the server whether what the page has just fetched is still right: that costs no bytes.
    const response = await fetch(address, { cache: "no-cache" });
    if (!response.ok) refusal = new Error(`${path} could not be fetched: HTTP status ${response.status}`);
    else if ((await digestOf(await response.clone().arrayBuffer())) === digest) return response;
    else refusal = new OtherVersion(`${path} is not of this version`);
  }
  throw refusal;
}

/** Keeps a file under the policy that the server would send with it, if it sent any. */
async function keep(cache, path) {
  const digest = SITE.files[path];
  const there = await cache.match(addressOf(path));
  if (there?.headers.get(DIGEST) === digest) return;
  const { body, headers } = (await keptBefore(path, digest)) ?? (await fetched(path, digest));
  const own = new Headers(headers);
  for (const name of ["Content-Encoding", "Content-Length", "Vary"]) own.delete(name); // of what was sent
  own.set(DIGEST, digest);
  own.set("Content-Security-Policy", SITE.policies[path.startsWith("worker/") ? "worker" : "page"]);
  await cache.put(addressOf(path), new Response(body, { headers: own }));
}

/** Brings the cache to the whole of this version; what is there already is left. */
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
  // An update is needed more than room: where there is none, it fails by itself.
  if (!registration.active && quota - usage < ROOM * SITE.bytes) throw new Error("there is not enough room");
  await fill();
}

/** Fills what was cleared. Where the server has another version by now, pages come from there alone. */
async function heal() {
  try {
    await fill();
  } catch (error) {
    if (error instanceof OtherVersion) await caches.delete(CACHE);
    throw error;
  }
}

/** Lets this version take the place of the old one, if no other page has that at work. */
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

/** Where the browser can, it answers from the cache by itself, without starting this script first. */
async function route(event) {
  const folder = SCOPE.pathname.replaceAll(/[\\+*?:{}()]/g, "\\$&"); // which mean something in a pattern
  const when = (pathname) => {
    const urlPattern = new URLPattern({ pathname, search: "", baseURL: SCOPE.href });
    return { urlPattern, requestMethod: "get" };
  };
  await event.addRoutes([
    { condition: when(`${folder}index.html`), source: "fetch-event" }, // it is kept by another address
    { condition: when(`${folder}*`), source: { cacheName: CACHE } },
  ]);
}

addEventListener("install", (event) => {
  event.waitUntil(install());
  // A browser that knows another form of it goes on without.
  if (event.addRoutes) route(event).catch(() => null);
});

addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers().catch(() => null).then(() => clients.claim()));
});

addEventListener("fetch", (event) => {
  const path = pathOf(event.request);
  if (path === undefined) return;
  const kept = caches.match(addressOf(path), { cacheName: CACHE });
  // A cache that was cleared, or is broken: as if there were none.
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
