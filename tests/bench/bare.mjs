// JavaScript, because the program measured against is: a page that starts the official package's pool.

const worker = new Worker(`./bare_worker.mjs${location.hash}`, { type: "module" });
worker.onmessage = ({ data }) => {
  window.isClosed ||= data.isClosed;
  window.failure ||= data.error;
  if (data.value === undefined) return;
  window.answer = data.value;
  window.answeredAt = performance.now();
};
worker.onerror = ({ message }) => (window.failure = message);
