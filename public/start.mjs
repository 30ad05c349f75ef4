// JavaScript because it connects the tabs before PyScript's core, and with it the page's Python, has loaded.

/** If the page's Python has not started by then, a file that it needs is missing: show the error panel. */
const PATIENCE = 30_000; // ms

/** The number of the request that a message answers; undefined where there is none to be found. */
const idOf = (head) => {
  try {
    const { id } = JSON.parse(head);
    return Number.isSafeInteger(id) && id > 0 ? id : undefined;
  } catch {
    return undefined; // no JSON object: the listener has thrown for that reason
  }
};

// Of the script before this one (public/first.js), which has made the worker if this tab leads.
const { LEADER, EngineWorker, early, unique } = globalThis.sahpoolFirst ?? {};
const MOST_TABS = 999; // numbers; a tab beyond them has none

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
  #early = early;

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
    // The first script has asked, too, and has it if it was free (public/first.js).
    const first = this.#early;
    this.#early = Promise.resolve(null);
    first.then((found) => (found ? this.#take(found, signal) : this.#wait(signal)));
  }

  #take({ worker, release }, signal) {
    if (signal.aborted) {
      worker.end();
      release();
      return;
    }
    this.#resign = release;
    this.lead(worker);
    this.#tell("granted");
  }

  #wait(signal) {
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

  /** Ends the worker of this tab, whatever it is doing, and starts a new one, or takes `worker`. */
  lead(worker = new EngineWorker(this.#lent)) {
    this.#detach();
    this.#waiting.length = 0; // messages of an earlier worker, or of another tab's
    this.#address = worker.address;
    worker.hear((message, error) => {
      if (worker !== this.#worker) return; // one that was ended may still have said something
      this.#deliver(message ?? [this.#failed(error)]);
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
    else this.#worker?.post([whole, ...parts]);
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
    this.#worker?.post("hurry");
  }

  /** Stops sending to any worker, and ends that of this tab. */
  #detach() {
    this.#worker?.end();
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

const start = early ? new Start() : null;
globalThis.sahpoolStart = start;

/** Shows the page's error panel when the page's Python, which usually fills it, has not started. */
const giveUp = (message) => {
  if (start?.taken) return;
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
if (!start) giveUp("/first.js did not load.");
