// JavaScript because these promises may be refused, and MicroPython cannot catch what JavaScript throws.

const SETTLED = 1000; // ms after which the page has sent its first requests
const OFTEN = 3_600_000; // least ms between two checks for a new version, by a page that stays open

const GONE = "gone"; // app/core/dom.py knows it, too

let registration = null;

/** Has a service worker carry out an order (service-worker.js); returns a promise of "" or an error. */
const order = (worker, name) =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    worker.postMessage(name, [port2]);
  });

/** Checks for a new version when a person comes back to a page that was open for long. */
const lookAgain = () => {
  let looked = Date.now();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || Date.now() - looked < OFTEN) return;
    looked = Date.now();
    registration.update().catch(() => null); // no server just now
  });
};

/** Calls `tell("update")` as soon as a new version waits to replace the one of this page. */
const watch = (tell) => {
  const look = () => {
    if (registration.waiting && registration.active) tell("update");
  };
  const follow = () => registration.installing?.addEventListener("statechange", look);
  registration.addEventListener("updatefound", follow);
  follow();
  look();
};

/** If service-worker.js is gone (404 or 410), unregisters it: another site may be here now, or none. */
const leave = async (address) => {
  const { status } = await fetch(address, { cache: "no-store" });
  if (status !== 404 && status !== 410) return;
  await (await navigator.serviceWorker.getRegistration())?.unregister();
};

/**
 * Keeps this site for visits without a server, and checks for new versions of it.
 *
 * @param {(word: string) => void} tell gets "kept" once the whole site is in the cache, and "update"
 *    when a new version waits; neither where the browser has no service workers, or there is no room
 */
export const keepOffline = async (tell) => {
  await new Promise((resolve) => setTimeout(resolve, SETTLED));
  const address = new URL("./service-worker.js", document.baseURI);
  try {
    registration = await navigator.serviceWorker.register(address, { updateViaCache: "none" });
    watch(tell);
    lookAgain();
    const { active } = await navigator.serviceWorker.ready;
    // "heal" fetches again what was cleared from the cache since.
    if ((await order(active, "heal")) === "") tell("kept");
  } catch {
    // The address is not secure, the window is private, or the server cannot be reached now.
    await leave(address).catch(() => null);
  }
};

/**
 * Replaces the old version of the site by the new one, and reloads the page.
 *
 * @returns {Promise<string>} why that cannot be done now, else ""; GONE if there is no new version.
 *    The new version says itself why it cannot take over: this one may lack the words.
 */
export const takeUpdate = async () => {
  const { waiting } = registration;
  if (!waiting) return GONE;
  const changed = new Promise((resolve) => {
    navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true });
  });
  const refusal = await order(waiting, "takeOver");
  if (refusal) return refusal;
  await changed;
  location.reload();
  return "";
};

/** Calls `take(files)` with files that the operating system opens with this console, if it can. */
export const onOpenedWith = (take) => {
  globalThis.launchQueue?.setConsumer(async ({ files }) => {
    const opened = await Promise.allSettled(files.map((handle) => handle.getFile()));
    const there = opened.filter(({ status }) => status === "fulfilled").map(({ value }) => value);
    if (there.length > 0) take(there);
  });
};
