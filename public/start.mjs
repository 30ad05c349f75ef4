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
    return undefined; // no JSON object: the listener has said so already
  }
};

/** The Web Lock of the tab that runs the worker, and the channel on which every tab is heard. */
const LEADER = "sahpool leader";
const MOST_TABS = 999; // that have a number

/** A name that nothing else has; where an address is not secure there is no randomUUID. */
const unique = (kind) => `sahpool ${kind} ${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;

/** From the page's beginning until it is left: what is held for so long. */
class Stay {
  tab = unique("tab"); // the name of this tab's lock and of its channel
  #controller = new AbortController();
  #over = new Promise((resolve) => this.#controller.signal.addEventListener("abort", resolve));

  get signal() {
    return this.#controller.signal;
  }

  /** Holds a Web Lock from now on; a promise of whether it was to be had. */
  hold(name, options = {}) {
    return new Promise((resolve) => {
      const held = (lock) => {
        resolve(lock !== null);
        return lock && this.#over;
      };
      navigator.locks.request(name, options, held).catch(() => resolve(false));
    });
  }

  /** The least number that no other tab has; 0 where there are too many of them. */
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
 * The worker as the page's Python sees it (app/core/client.py), and which tab has it
 * (app/core/leader.py): this one, when it gets the leader's lock, or another one, which it then
 * reaches by BroadcastChannels. Whoever gets the lock starts a worker at once; all else is decided
 * in Python. Messages that arrive before `listen` was called wait. `message` is [head, ...parts] as
 * worker/protocol.py has it.
 */
class Start {
  #stay = null;
  #worker = null; // ours, while this tab leads
  #address = null; // of the worker that is sent to: its channel, and the lock that it holds
  #announced = false;
  #resign = null;
  #lobby = null; // all tabs
  #mail = null; // this tab
  #letterbox = null; // another tab's worker
  #listener = null;
  #waiting = [];
  #number = 0;
  #lent = false;

  constructor() {
    this.begin();
  }

  /** Takes part: asks for the leader's lock, and for who has it. */
  begin() {
    if (!navigator.locks) {
      // Where nothing is kept either (worker/boot.mjs, whyMemory): each tab is on its own.
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
    // The leader's worker knows by its lock that this tab lives: no word to it before it is held.
    const known = Promise.all([stay.hold(tab), stay.number()]);
    known.then(([, number]) => stay === this.#stay && this.#become(number));
    this.#lobby.onmessage = async ({ data }) => {
      await known;
      if (stay === this.#stay) this.#hear(Object(data));
    };
    this.queue();
    this.ask();
  }

  /** Asks for the leader's lock; once it is had there is a worker, and the event "granted". */
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

  /** Leaves: ends the worker if it is here, lets go of every lock. */
  stop() {
    this.end();
    this.#address = null;
    this.#stay?.end();
    this.#stay = null;
    for (const channel of [this.#lobby, this.#mail]) channel?.close();
    this.#lobby = this.#mail = null;
  }

  /** Ends the worker of this tab, and lets another one lead. */
  end() {
    this.#detach();
    this.resign();
  }

  /** Lets another tab lead; the worker of this one goes on, for this tab only. */
  resign() {
    this.#resign?.();
    this.#resign = null;
  }

  /** Asks who leads; the answer is the event "found". */
  ask() {
    this.#lobby?.postMessage({ ask: true });
  }

  /** Asks the leader to end its worker with whatever it is doing, and to start another one. */
  askRestart() {
    this.#lobby?.postMessage({ restart: this.#address });
  }

  /** Tells the other tabs that this one has begun to run something, or has ended (event "runs"). */
  tellRuns(on) {
    this.#lobby?.postMessage({ runs: { number: this.#number, on } });
  }

  /** Tells every tab that the worker of this one answers. */
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

  /** Has the event "gone" come when the worker that is sent to has ended, however that came. */
  watch() {
    const address = this.#address;
    const options = { mode: "shared", signal: this.#stay?.signal };
    navigator.locks
      ?.request(address, options, () => this.#tell("gone", { address }))
      .catch(() => null); // this page was left
  }

  /** Ends the worker of this tab with whatever it is doing, and starts another one. */
  lead() {
    this.#detach();
    this.#waiting.length = 0; // of an earlier worker, or of one of another tab
    this.#address = navigator.locks ? unique("worker") : "";
    const told = new URLSearchParams({ address: this.#address, ...verbosity() });
    if (this.#lent) told.set("lent", "yes");
    const worker = new Worker(new URL(`./worker/boot.mjs#${told}`, import.meta.url), {
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
    if (this.taken) this.#hurry();
  }

  /** Remembers whether the storage is lent: a loan is not over because the worker ends. */
  lend(lent) {
    this.#lent = lent;
  }

  /** The number of this tab, 0 while it has none. */
  get number() {
    return this.#number;
  }

  /** The worker that is sent to. */
  get address() {
    return this.#address;
  }

  /** @param {string} head @param {string} sql to be put into it, if not empty @param {...(File | Blob)} parts */
  send(head, sql, ...parts) {
    const whole = sql ? JSON.stringify({ ...JSON.parse(head), sql }) : head;
    if (this.#letterbox) this.#letterbox.postMessage([this.#stay.tab, whole, ...parts]);
    else this.#worker?.postMessage([whole, ...parts]);
  }

  /** @param {(head: string, parts: Array) => void} listener gets every message, the waiting ones first;
   *    a reply at which it throws comes again as an error */
  listen(listener) {
    this.#listener = listener;
    this.#hurry();
    for (const message of this.#waiting.splice(0)) this.#deliver(message);
  }

  get taken() {
    return this.#listener !== null;
  }

  /** Tells the worker of this tab that the editor is there (worker/boot.mjs). */
  #hurry() {
    this.#worker?.postMessage("hurry");
  }

  /** Sends to no worker any more, and ends that of this tab. */
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
    // By its title a tab is found that another one tells of.
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
