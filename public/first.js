// JavaScript, and no module, because it runs before any module: the worker starts while they load.
"use strict";

{
  const BOOT = new URL("./worker/boot.mjs", document.currentScript.src).href;
  const START = new URL("./start.mjs", document.currentScript.src).href;

  /** The name of the leader's Web Lock, and of the BroadcastChannel that all tabs listen to. */
  const LEADER = "sahpool leader";

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

  /**
   * Returns the URL of the worker's script, with what it is told behind "#".
   *
   * The policy of a worker that comes from the network is the one of its own response, which a host
   * without headers does not send: only the service worker adds it. So until one controls this page,
   * the worker starts from a blob, which has the policy of the page (CSP level 3, section 4.1, and
   * HTML, "policy container").
   */
  const workerUrl = (told) => {
    const url = `${BOOT}#${told}`;
    if (navigator.serviceWorker?.controller) return url;
    return URL.createObjectURL(new Blob([`import ${JSON.stringify(url)};`], { type: "text/javascript" }));
  };

  /** Returns a unique name; not by randomUUID, which pages that are not secure do not have. */
  const unique = (kind) => `sahpool ${kind} ${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;

  /** A worker with the database engine; what it says waits until somebody hears it. */
  class EngineWorker {
    /** The name of its channel and of its Web Lock; "" where there are no Web Locks. */
    address = navigator.locks ? unique("worker") : "";
    #worker;
    #listener = null;
    #waiting = [];

    /** @param {boolean} lent whether the storage is lent to another program */
    constructor(lent) {
      const told = new URLSearchParams({ address: this.address, ...verbosity() });
      if (lent) told.set("lent", "yes");
      const url = workerUrl(told);
      const worker = new Worker(url, { type: "module", name: "sahpool" });
      // The script has been fetched by the time of the first message.
      worker.addEventListener("message", () => URL.revokeObjectURL(url), { once: true });
      worker.addEventListener("message", ({ data }) => this.#take(data, null));
      worker.addEventListener("error", (event) => {
        event.preventDefault();
        this.#take(null, event.message);
      });
      worker.addEventListener("messageerror", () => this.#take(null, "a message could not be read"));
      this.#worker = worker;
    }

    /**
     * Has a function called with each message and with null, or with null and the text of an error;
     * with those that have come before only once the code that is running has ended.
     */
    hear(listener) {
      queueMicrotask(() => {
        this.#listener = listener;
        for (const said of this.#waiting.splice(0)) listener(...said);
      });
    }

    post(message, ...wire) {
      this.#worker.postMessage(message, ...wire);
    }

    end() {
      this.#worker.terminate();
    }

    #take(...said) {
      if (this.#listener) this.#listener(...said);
      else this.#waiting.push(said);
    }
  }

  /**
   * A promise of the worker of this tab and of the function that releases the leader's lock, or of
   * null where another tab has that lock: such a tab makes no worker.
   */
  const early = new Promise((resolve) => {
    const granted = (lock) => {
      if (!lock) return resolve(null);
      const worker = new EngineWorker(false);
      return new Promise((release) => resolve({ worker, release }));
    };
    if (navigator.locks) {
      navigator.locks.request(LEADER, { ifAvailable: true }, granted).catch(() => resolve(null));
    } else resolve(null);
  });

  // A page without its start must not lead: nobody would answer the other tabs.
  const giveWay = ({ target }) => {
    if (target instanceof HTMLScriptElement && target.src === START) {
      early.then((found) => {
        found?.worker.end();
        found?.release();
      });
    }
  };
  addEventListener("error", giveWay, { capture: true });

  globalThis.sahpoolFirst = { LEADER, EngineWorker, early, unique };
}
