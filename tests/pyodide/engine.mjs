// JavaScript, because it starts Pyodide for the tests: in a worker of a browser, and in Node.

/**
 * Loads Pyodide with the library unpacked and io.mjs registered, and returns what runs a test's
 * Python: `run(source, values)` → JSON text (see harness.py). `read(path)` gives the bytes of a
 * file of the site, `load(path)` imports a module of it.
 */
export async function start({ site, harness, read, load, options = {} }) {
  const [{ loadPyodide }, io, parts] = await Promise.all([
    load("pyodide/pyodide.mjs"),
    load("worker/io.mjs"),
    read("worker/parts.json"),
  ]);
  const pyodide = await loadPyodide({ indexURL: `${site}pyodide/`, ...options });
  pyodide.registerJsModule("sahpool_io", io);
  pyodide.registerJsModule("test_modules", { load }); // JavaScript of a test's own, without eval
  const { wheel } = JSON.parse(new TextDecoder().decode(parts));
  const target = { extractDir: "/lib/under-test" };
  pyodide.unpackArchive(await read(wheel.replace("../", "")), "zip", target);
  pyodide.unpackArchive(await read("worker/service.zip"), "zip", target);
  pyodide.FS.writeFile("/lib/under-test/test_harness.py", harness);
  pyodide.pyimport("sys").path.insert(0, "/lib/under-test");
  const { run } = pyodide.pyimport("test_harness");
  return (source, values) => run(source, values);
}
