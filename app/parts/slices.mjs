// JavaScript because it has to come before CodeMirror, which looks at the browser when it is loaded.

// Where the browser can say whether a key waits, CodeMirror parses 100 ms at a time without drawing a
// frame; elsewhere it parses as long as the browser is idle, which is less than 50 ms.
Object.defineProperty(navigator, "scheduling", { value: undefined, configurable: true });
