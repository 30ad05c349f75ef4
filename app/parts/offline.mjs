// JavaScript because these promises may be refused, and MicroPython cannot catch what JavaScript throws.

const SETTLED = 1000; // ms after which what the page does first is done
const OFTEN = 3_600_000; // ms between two looks for a new version, by a page that stays open

let registration = null;

/** Has a service worker carry out an order (service-worker.js); a promise of "", or of why not. */
const order = (worker, name) =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    worker.postMessage(name, [port2]);
  });

/** Looks for a new version when somebody comes back to a page that was open for long. */
const lookAgain = () => {
  let looked = Date.now();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || Date.now() - looked < OFTEN) return;
    looked = Date.now();
    registration.update().catch(() => null); // no server just now
  });
};

/** Calls `tell` as soon as a version waits to take the place of the one that this page came from. */
const watch = (tell) => {
  const look = () => {
    if (registration.waiting && registration.active) tell("update");
  };
  const follow = () => registration.installing?.addEventListener("statechange", look);
  registration.addEventListener("updatefound", follow);
  follow();
  look();
};

/** Where another site is now, or none, it must not be hidden for ever by what is kept of this one. */
const leave = async (address) => {
  const { status } = await fetch(address, { cache: "no-store" });
  if (status !== 404 && status !== 410) return;
  await (await navigator.serviceWorker.getRegistration())?.unregister();
};

/**
 * Keeps this site for visits without a server, and looks for a new version of it.
 *
 * @param {(word: string) => void} tell is told "kept" once the whole site is there, "update" when a
 *    new version is; neither where the browser has no service workers, or there is no room
 */
export const keepOffline = async (tell) => {
  await new Promise((resolve) => setTimeout(resolve, SETTLED));
  const address = new URL("./service-worker.js", document.baseURI);
  try {
    registration = await navigator.serviceWorker.register(address, { updateViaCache: "none" });
    watch(tell);
    lookAgain();
    const { active } = await navigator.serviceWorker.ready;
    // Whole, also when somebody has cleared a part of it since.
    if ((await order(active, "heal")) === "") tell("kept");
  } catch {
    // An address that is not secure, a private window, a server that cannot be reached just now.
    await leave(address).catch(() => null);
  }
};

/**
 * Goes on with the new version: the page is loaded again.
 *
 * @returns {Promise<string>} why not, if it cannot be done now
 */
export const takeUpdate = async () => {
  const { waiting } = registration;
  if (!waiting) return "The new version is not there any more.";
  const changed = new Promise((resolve) => {
    navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true });
  });
  const refusal = await order(waiting, "takeOver");
  if (refusal) return refusal;
  await changed;
  location.reload();
  return "";
};

/** `take(files)` gets the files that the system opens with this console, where it can do so. */
export const onOpenedWith = (take) => {
  globalThis.launchQueue?.setConsumer(async ({ files }) => {
    const opened = await Promise.allSettled(files.map((handle) => handle.getFile()));
    const there = opened.filter(({ status }) => status === "fulfilled").map(({ value }) => value);
    if (there.length > 0) take(there);
  });
};
