// JavaScript because the worker must start before PyScript's core, and with it the page's Python, has loaded.

/** If the page's Python has not started by then, a file that it needs is missing: show the error panel. */
const PATIENCE = 30_000; // ms

/**
 * How much the library logs to the console, from 0 (nothing) to 3 (everything): sahpool.set_verbosity.
 * Set it in the browser's console with `localStorage["sahpool.verbosity"] = "3"` and reload the page.
 * It is read here and passed on because workers have no localStorage.
 */
const verbosity = () => {
  try {
    const wanted = localStorage["sahpool.verbosity"];
    return /^[0-3]$/.test(wanted) ? { verbosity: wanted } : {};
  } catch {
    return {}; // a browser that keeps no data for this site refuses this too
  }
};

/** The number of the request that a message answers; undefined where there is none to be found. */
const idOf = (head) => {
  try {
    const { id } = JSON.parse(head);
    return Number.isSafeInteger(id) && id > 0 ? id : undefined;
  } catch {
    return undefined; // no JSON object: the listener has thrown for that reason
  }
};

/** The name of the leader's Web Lock, and of the BroadcastChannel that all tabs listen to. */
const LEADER = "sahpool leader";
const MOST_TABS = 999; // numbers; a tab beyond them has none

/**
 * Returns the URL of the worker's script, with what it is told behind "#".
 *
 * The policy of a worker that comes from the network is the one of its own response, which a host
 * without headers does not send: only the service worker adds it. So until one controls this page,
 * the worker starts from a blob, which has the policy of the page (CSP level 3, section 4.1, and
 * HTML, "policy container").
 */
const workerUrl = (told) => {
  const url = new URL(`./worker/boot.mjs#${told}`, import.meta.url).href;
  if (navigator.serviceWorker?.controller) return url;
  return URL.createObjectURL(new Blob([`import ${JSON.stringify(url)};`], { type: "text/javascript" }));
};

/** Returns a unique name; not by randomUUID, which pages that are not secure do not have. */
const unique = (kind) => `sahpool ${kind} ${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;

/** The Web Locks that this tab holds from the page's beginning until it is left. */
class Stay {
  tab = unique("tab"); // the name of this tab's lock and of its channel
  #controller = new AbortController();
  #over = new Promise((resolve) => this.#controller.signal.addEventListener("abort", resolve));

  get signal() {
    return this.#controller.signal;
  }

  /** Holds a Web Lock until end(); returns a promise of whether it was granted. */
  hold(name, options = {}) {
    return new Promise((resolve) => {
      const held = (lock) => {
        resolve(lock !== null);
        return lock && this.#over;
      };
      navigator.locks.request(name, options, held).catch(() => resolve(false));
    });
  }

  /** Returns a promise of the least number that no other tab has; 0 where all are taken. */
  async number() {
    for (let number = 1; number <= MOST_TABS; number++) {
      if (await this.hold(`sahpool tab number ${number}`, { ifAvailable: true })) return number;
    }
    return 0;
  }

  end() {
    this.#controller.abort();
  }
}

/**
 * The transport between the page's Python and the worker (app/core/client.py, app/core/leader.py).
 *
 * The worker belongs to this tab, when it gets the leader's lock, or to another one, which this tab
 * then reaches by BroadcastChannels. A tab that gets the lock starts a worker at once; everything else
 * is decided in Python. Messages that arrive before `listen` is called are queued. A message is
 * [head, ...parts], as in worker/sahpool_console/protocol.py.
 */
class Start {
  #stay = null;
  #worker = null; // ours, while this tab leads
  #address = null; // of the worker that this tab sends to: the name of its channel and of its lock
  #announced = false;
  #resign = null;
  #lobby = null; // channel of all tabs
  #mail = null; // channel on which this tab receives
  #letterbox = null; // channel to another tab's worker
  #listener = null;
  #waiting = [];
  #number = 0;
  #lent = false;

  constructor() {
    this.begin();
  }

  /** Joins the other tabs: requests the leader's lock, and asks who leads. */
  begin() {
    if (!navigator.locks) {
      // Without Web Locks there is no OPFS either (worker/boot.mjs, whyMemory): each tab has its worker.
      this.lead();
      this.#tell("granted");
      return;
    }
    const stay = new Stay();
    const { tab } = stay;
    this.#stay = stay;
    this.#lobby = new BroadcastChannel(LEADER);
    this.#mail = new BroadcastChannel(tab);
    this.#mail.onmessage = ({ data }) => {
      const [from, ...message] = Array.isArray(data) ? data : [];
      if (from === this.#address) this.#deliver(message);
    };
    // The leader's worker takes this tab for gone when it gets the tab's lock: hold it before sending.
    const known = Promise.all([stay.hold(tab), stay.number()]);
    known.then(([, number]) => stay === this.#stay && this.#become(number));
    this.#lobby.onmessage = async ({ data }) => {
      await known;
      if (stay === this.#stay) this.#hear(Object(data));
    };
    this.queue();
    this.ask();
  }

  /** Requests the leader's lock; when it is granted, starts a worker and delivers "granted". */
  queue() {
    const { signal } = this.#stay;
    const granted = () => {
      if (signal.aborted) return undefined;
      this.lead();
      this.#tell("granted");
      return new Promise((resolve) => (this.#resign = resolve));
    };
    navigator.locks.request(LEADER, { signal }, granted).catch((error) => {
      if (!signal.aborted) this.#deliver([this.#failed(error.message)]);
    });
  }

  /** Leaves the other tabs: ends the worker of this tab, closes the channels, releases all locks. */
  stop() {
    this.end();
    this.#address = null;
    this.#stay?.end();
    this.#stay = null;
    for (const channel of [this.#lobby, this.#mail]) channel?.close();
    this.#lobby = this.#mail = null;
  }

  /** Ends the worker of this tab, and releases the leader's lock. */
  end() {
    this.#detach();
    this.resign();
  }

  /** Releases the leader's lock for another tab; the worker of this one goes on, for this tab only. */
  resign() {
    this.#resign?.();
    this.#resign = null;
  }

  /** Asks who leads; the answer is the event "found". */
  ask() {
    this.#lobby?.postMessage({ ask: true });
  }

  /** Asks the leader to end its worker, whatever it is doing, and to start a new one. */
  askRestart() {
    this.#lobby?.postMessage({ restart: this.#address });
  }

  /** Tells the other tabs that this one has begun or ended running statements (event "runs"). */
  tellRuns(on) {
    this.#lobby?.postMessage({ runs: { number: this.#number, on } });
  }

  /** Tells all tabs that this one leads and that its worker answers. */
  announce() {
    this.#announced = true;
    this.#lobby?.postMessage({ leader: this.#address });
  }

  /** Sends to another tab's worker from now on. */
  follow(address) {
    this.#detach();
    this.#address = address;
    this.#letterbox = new BroadcastChannel(address);
    this.watch();
  }

  /** Delivers the event "gone" when the worker that this tab sends to has ended for any reason. */
  watch() {
    const address = this.#address;
    const options = { mode: "shared", signal: this.#stay?.signal };
    navigator.locks
      ?.request(address, options, () => this.#tell("gone", { address }))
      .catch(() => null); // this page was left
  }

  /** Ends the worker of this tab, whatever it is doing, and starts a new one. */
  lead() {
    this.#detach();
    this.#waiting.length = 0; // messages of an earlier worker, or of another tab's
    this.#address = navigator.locks ? unique("worker") : "";
    const told = new URLSearchParams({ address: this.#address, ...verbosity() });
    if (this.#lent) told.set("lent", "yes");
    const url = workerUrl(told);
    const worker = new Worker(url, { type: "module", name: "sahpool" });
    // The script has been fetched by the time of the first message.
    worker.addEventListener("message", () => URL.revokeObjectURL(url), { once: true });
    // Messages of a worker that was ended may still arrive: ignore them.
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
    if (this.taken) this.#hurry();
  }

  /** Remembers whether the storage is lent, for the next worker: a loan outlasts the worker. */
  lend(lent) {
    this.#lent = lent;
  }

  /** The number of this tab, 0 while it has none. */
  get number() {
    return this.#number;
  }

  /** The address of the worker that this tab sends to. */
  get address() {
    return this.#address;
  }

  /**
   * Sends a request to the worker.
   *
   * @param {string} head @param {string | {text: string}} sql to be put into the head, if not empty
   * @param {...(File | Blob)} parts
   */
  send(head, sql, ...parts) {
    const whole = sql ? JSON.stringify({ ...JSON.parse(head), sql: sql.text ?? sql }) : head;
    if (this.#letterbox) this.#letterbox.postMessage([this.#stay.tab, whole, ...parts]);
    else this.#worker?.postMessage([whole, ...parts]);
  }

  /** @param {(head: string, parts: Array) => void} listener gets every message, the queued ones first;
   *    if it throws at a reply, it gets an error reply instead */
  listen(listener) {
    this.#listener = listener;
    this.#hurry();
    for (const message of this.#waiting.splice(0)) this.#deliver(message);
  }

  get taken() {
    return this.#listener !== null;
  }

  /** Tells the worker of this tab that the editor is shown (worker/boot.mjs). */
  #hurry() {
    this.#worker?.postMessage("hurry");
  }

  /** Stops sending to any worker, and ends that of this tab. */
  #detach() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#announced = false;
    this.#letterbox?.close();
    this.#letterbox = null;
  }

  #hear({ ask, leader, restart, runs }) {
    if (ask && this.#announced) this.announce();
    if (leader && !this.#worker) this.#tell("found", { address: String(leader) });
    if (runs) this.#tell("runs", { number: Number(runs.number), on: Boolean(runs.on) });
    if (restart && restart === this.#address && this.#worker) this.#tell("asked");
  }

  #become(number) {
    this.#number = number;
    // Messages in other tabs name this one by its number: show it in the browser's list of tabs.
    const title = document.title.replace(/^\d+ · /, "");
    document.title = number > 1 ? `${number} · ${title}` : title;
  }

  #tell(event, fields = {}) {
    this.#deliver([JSON.stringify({ ...fields, id: 0, event })]);
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

  /** Replaces a reply at which Python threw, mostly for lack of memory, by an error reply. */
  #refuse(id, cause) {
    // An event has no request that would wait for it.
    if (!id) return reportError(cause);
    const error = {
      type: "PageError",
      name: null,
      message: "The page could not take in the answer.",
      offset: null,
      cause: cause.message.trim().split("\n").at(-1),
      code: "answer-too-large",
      hints: [{ code: "ask-page-for-less", params: {} }],
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
        code: "worker-stopped",
        hints: [{ code: "try-again", params: {} }],
      },
    });
  }
}

const start = new Start();
globalThis.sahpoolStart = start;

/** Shows the page's error panel when the page's Python, which usually fills it, has not started. */
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

/** Reloads the page, in a newer version of the site if one waits to take over. */
const retry = async () => {
  const registration = await navigator.serviceWorker?.getRegistration();
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => location.reload();
  if (registration?.waiting) registration.waiting.postMessage("takeOver", [port2]);
  else location.reload();
};

// Loading errors of scripts do not bubble: listen in the capture phase.
addEventListener(
  "error",
  ({ target }) => {
    if (target instanceof HTMLScriptElement) giveUp(`${new URL(target.src).pathname} did not load.`);
  },
  { capture: true },
);
setTimeout(() => giveUp("The page's Python has not started."), PATIENCE);
