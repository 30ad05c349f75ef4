// JavaScript, because the program measured against is: a page that starts the official package's pool.

const worker = new Worker("./bare_worker.mjs", { type: "module" });
worker.onmessage = ({ data }) => {
  window.answer = data.value;
  window.failure = data.error;
  window.answeredAt = performance.now();
};
worker.onerror = ({ message }) => (window.failure = message);
