// JavaScript because the worker must start before PyScript's core, and with it the page's Python, has loaded.

/** Without the page's Python by then, something that it needs is missing: say so instead of waiting. */
const PATIENCE = 30_000; // ms

/**
 * What the library writes to the console: 0 nothing … 3 everything (sahpool.set_verbosity). Set in the
 * console with `localStorage["sahpool.verbosity"] = "3"` and a reload; workers have no localStorage.
 */
const verbosity = () => {
  try {
    const wanted = localStorage["sahpool.verbosity"];
    return /^[0-3]$/.test(wanted) ? `#verbosity=${wanted}` : "";
  } catch {
    return ""; // a browser that keeps no data for this site refuses this too
  }
};

/** The number of the request that a message answers; undefined where there is none to be found. */
const idOf = (head) => {
  try {
    const { id } = JSON.parse(head);
    return Number.isSafeInteger(id) && id > 0 ? id : undefined;
  } catch {
    return undefined; // no JSON object: the listener has said so already
  }
};

/**
 * The worker as the page's Python (app/client.py) sees it. Messages that arrive before `listen` was
 * called wait. `message` is [head, ...parts] as worker/protocol.py has it.
 */
class Start {
  #worker = null;
  #listener = null;
  #waiting = [];

  constructor() {
    this.restart();
  }

  /** Ends the worker with whatever it is doing, and starts another one. */
  restart() {
    this.#worker?.terminate();
    const worker = new Worker(new URL(`./worker/boot.mjs${verbosity()}`, import.meta.url), {
      type: "module",
      name: "sahpool",
    });
    // A worker that was ended may have messages on the way: they are no longer of interest.
    const current = () => worker === this.#worker;
    worker.addEventListener("message", ({ data }) => current() && this.#deliver(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      if (current()) this.#deliver([this.#failed(event.message)]);
    });
    worker.addEventListener("messageerror", () => {
      if (current()) this.#deliver([this.#failed("a message could not be read")]);
    });
    this.#worker = worker;
  }

  /** Ends the worker; what is sent from now on is lost until restart(). */
  stop() {
    this.#worker?.terminate();
    this.#worker = null;
  }

  /** @param {string} head @param {string} sql to be put into it, if not empty @param {...(File | Blob)} parts */
  send(head, sql, ...parts) {
    const whole = sql ? JSON.stringify({ ...JSON.parse(head), sql }) : head;
    this.#worker?.postMessage([whole, ...parts]);
  }

  /** @param {(head: string, parts: Array) => void} listener gets every message, the waiting ones first;
   *    a reply at which it throws comes again as an error */
  listen(listener) {
    this.#listener = listener;
    for (const message of this.#waiting.splice(0)) this.#deliver(message);
  }

  get taken() {
    return this.#listener !== null;
  }

  #deliver(message) {
    if (!this.#listener) {
      this.#waiting.push(message);
      return;
    }
    const [head, ...parts] = Array.isArray(message) ? message : [""];
    try {
      this.#listener(head, parts);
    } catch (error) {
      this.#refuse(idOf(head), error);
    }
  }

  /** A reply that Python could not take in, for want of memory as a rule, becomes one that says so. */
  #refuse(id, cause) {
    // Nobody waits for an event.
    if (!id) return reportError(cause);
    const error = {
      type: "PageError",
      name: null,
      message: "The page could not take in the answer.",
      offset: null,
      cause: cause.message.trim().split("\n").at(-1),
      hint: "It may be too large for the page: ask for less at once.",
    };
    this.#listener(JSON.stringify({ id, ok: false, error }), []);
  }

  #failed(cause) {
    return JSON.stringify({
      id: 0,
      event: "failed",
      phase: "worker",
      error: {
        type: "WorkerError",
        name: null,
        message: "The worker that runs the database has stopped.",
        offset: null,
        cause: cause || null,
        hint: "Try again. If it stops again, a file of this site may be missing.",
      },
    });
  }
}

const start = new Start();
globalThis.sahpoolStart = start;

/** The designed error panel, for the one case in which no Python is there to fill it. */
const giveUp = (message) => {
  if (start.taken) return;
  document.documentElement.dataset.state = "error";
  document.getElementById("failure-phase").textContent = "Starting the page";
  document.getElementById("failure-message").textContent = message;
  document.getElementById("failure-hint").textContent =
    "Reload the page. If that does not help, a file of this site may be missing.";
  document.getElementById("failure").hidden = false;
  document.getElementById("page").inert = true;
  document.getElementById("retry").addEventListener("click", retry);
};

/** Loads the page again: in a newer version, if one waits for its turn. */
const retry = async () => {
  const registration = await navigator.serviceWorker?.getRegistration();
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => location.reload();
  if (registration?.waiting) registration.waiting.postMessage("takeOver", [port2]);
  else location.reload();
};

// Loading errors of scripts do not bubble; they are seen while they go down.
addEventListener(
  "error",
  ({ target }) => {
    if (target instanceof HTMLScriptElement) giveUp(`${new URL(target.src).pathname} did not load.`);
  },
  { capture: true },
);
setTimeout(() => giveUp("The page's Python has not started."), PATIENCE);
