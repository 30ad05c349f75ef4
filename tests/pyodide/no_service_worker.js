// JavaScript because it stands in for a service worker: it keeps nothing, and so hides no file of a test's.

addEventListener("message", ({ ports }) => ports[0].postMessage("nothing is kept"));
