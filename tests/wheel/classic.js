// JavaScript, because it is the worker of somebody who has not made it a module.

onmessage = async ({ data: { source } }) => {
  try {
    const { loadPyodide } = await import("/pyodide/pyodide.mjs");
    const pyodide = await loadPyodide();
    postMessage(await pyodide.runPythonAsync(source));
  } catch (error) {
    postMessage(`failed: ${error}`);
  }
};
