// JavaScript, because it does nothing but start workers: no Python has to be loaded for that.

// Starts a worker; what it acknowledges by way of the page goes to the test in as many requests as
// fit, the newest one in each: a step that is acknowledged was preceded by all others.
globalThis.begin = (who) => {
  const worker = new Worker(`tests/kill_worker.mjs?who=${who}`, { type: "module" });
  let newest = null;
  let sending = false;
  worker.onmessage = async ({ data }) => {
    newest = data;
    if (sending) return;
    sending = true;
    while (newest !== null) {
      const body = newest;
      newest = null;
      await fetch("/kill/ask", { method: "POST", body });
    }
    sending = false;
  };
  workers[who] = worker;
};
globalThis.workers = {};

// The page's own worker; each reload starts another, whose name ends with how many there were.
const loads = Number(sessionStorage.getItem("loads") ?? -1) + 1;
sessionStorage.setItem("loads", loads);
begin(`${new URL(location.href).searchParams.get("who")}-${loads}`);
