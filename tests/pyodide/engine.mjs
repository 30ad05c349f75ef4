// JavaScript, because it starts Pyodide for the tests: in a worker of a browser, and in Node.

/** Beside the site, because the site has the service in another form (tests/conftest.py). */
const SERVICE = "../service.zip";

/** The modules of tests/harness that run inside, where every test may import them. */
const HARNESS = ["inside_pools.py", "inside_modules.py", "inside_prelude.py"];

/**
 * Loads Pyodide with the library unpacked and io.mjs registered, and returns what runs a test's
 * Python: `run(source, values)` → JSON text (see inside_runner.py). `harness(name)` gives the bytes
 * of a file of tests/harness, `read(path)` those of a file of the site, `load(path)` imports a
 * module of it.
 */
export async function start({ site, harness, read, load, options = {} }) {
  const [{ loadPyodide }, io, parts, runner, ...modules] = await Promise.all([
    load("pyodide/pyodide.mjs"),
    load("worker/io.mjs"),
    read("worker/parts.json"),
    harness("inside_runner.py"),
    ...HARNESS.map(harness),
  ]);
  const pyodide = await loadPyodide({ indexURL: `${site}pyodide/`, ...options });
  pyodide.registerJsModule("sahpool_io", io);
  pyodide.registerJsModule("test_modules", { load }); // JavaScript of a test's own, without eval
  const { wheel } = JSON.parse(new TextDecoder().decode(parts));
  const target = { extractDir: "/lib/under-test" };
  pyodide.unpackArchive(await read(wheel.replace("../", "")), "zip", target);
  pyodide.unpackArchive(await read(SERVICE), "zip", target);
  pyodide.FS.mkdirTree("/lib/under-test/tests/harness");
  HARNESS.forEach((name, at) =>
    pyodide.FS.writeFile(`/lib/under-test/tests/harness/${name}`, modules[at]),
  );
  // Not as a part of `tests`: suites of other projects that run here have such a package, too.
  pyodide.FS.writeFile("/lib/under-test/test_harness.py", runner);
  pyodide.pyimport("sys").path.insert(0, "/lib/under-test");
  const { run } = pyodide.pyimport("test_harness");
  return (source, values) => run(source, values);
}
