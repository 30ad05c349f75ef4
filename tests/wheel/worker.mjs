// JavaScript, because it is the worker of somebody who uses the wheel: it has to be.

import { loadPyodide } from "/pyodide/pyodide.mjs";

const bytes = async (url) => (await fetch(url)).arrayBuffer();

/** The ways in which a user of Pyodide installs a wheel. */
const ways = {
  unpackArchive: async (pyodide, wheel) => pyodide.unpackArchive(await bytes(wheel), "wheel"),
  micropip: async (pyodide, wheel, micropip) => {
    pyodide.unpackArchive(await bytes(micropip), "wheel");
    await pyodide.pyimport("micropip").install(wheel);
  },
  loadPackage: (pyodide, wheel) => pyodide.loadPackage(wheel),
};

onmessage = async ({ data: { way, wheel, micropip, register, source } }) => {
  try {
    const pyodide = await loadPyodide();
    await ways[way](pyodide, wheel, micropip);
    if (register) pyodide.registerJsModule("sahpool_io", await import("/worker/io.mjs"));
    postMessage(await pyodide.runPythonAsync(source));
  } catch (error) {
    postMessage(`failed: ${error}`);
  }
};
