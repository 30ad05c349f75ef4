// JavaScript, because a handle's methods are called while no Python may run.

// Makes calls of the browser's own sync access handles fail, and tells what the browser does when a
// file reaches the quota. What fails is chosen as in memory_opfs.mjs.

const { prototype } = FileSystemSyncAccessHandle;
const own = Object.fromEntries(
  ["read", "write", "truncate", "flush"].map((method) => [method, prototype[method]]),
);
let told = null;
let failed = 0;

function fails(method) {
  if (told === null || told.method !== method || told.left-- > 0) return false;
  if (!told.sticky) told.left = Infinity;
  failed += 1;
  if (typeof told.how === "string") throw new DOMException("told to fail", told.how);
  return true;
}

for (const method of Object.keys(own)) {
  prototype[method] = function (...args) {
    if (!fails(method)) return own[method].apply(this, args);
    const wanted = args[0].byteLength;
    const count = told.how < 0 ? Math.max(0, wanted + told.how) : told.how;
    // A write keeps what it could of that count, and nothing where it is more than was given.
    if (count > 0 && count <= wanted) own[method].call(this, args[0].subarray(0, count), args[1]);
    return count;
  };
}

/** The nth call of a method from now on fails, and all after it when sticky, until heal(). */
export function failAt(method, nth, how, sticky) {
  told = { method, left: nth - 1, how, sticky };
  failed = 0;
}

/** Nothing fails any more; answers how many calls did. */
export function heal() {
  told = null;
  return failed;
}

/** What each call answers, or throws, when a file has grown up to the quota: [call, answer, size]. */
export async function atQuota() {
  const root = await navigator.storage.getDirectory();
  const open = async (name) =>
    (await root.getFileHandle(name, { create: true })).createSyncAccessHandle();
  const handle = await open("at-quota");
  const page = new Uint8Array(4096).fill(7);
  const answers = [];
  const ask = (call, answer) => {
    let said;
    try {
      said = answer();
    } catch (error) {
      said = error.name;
    }
    answers.push([call, said ?? null, handle.getSize()]);
    return said;
  };
  const end = () => handle.getSize();
  try {
    while (handle.write(page, { at: end() }) === page.length);
    answers.push(["grow", "short", end()]);
  } catch (error) {
    answers.push(["grow", error.name, end()]);
  }
  ask("overwrite the first page", () => handle.write(page, { at: 0 }));
  ask("overwrite the last page", () => handle.write(page, { at: end() - page.length }));
  ask("write across the end", () => handle.write(new Uint8Array(8192), { at: end() - page.length }));
  ask("append one byte", () => handle.write(new Uint8Array(1), { at: end() }));
  ask("append a megabyte", () => handle.write(new Uint8Array(1 << 20), { at: end() }));
  ask("lengthen", () => handle.truncate(end() + (1 << 20)));
  ask("flush", () => handle.flush());
  try {
    const other = await open("at-quota-2");
    ask("write to another file", () => other.write(page, { at: 0 }));
    other.close();
    await root.removeEntry("at-quota-2");
  } catch (error) {
    answers.push(["make another file", error.name, end()]);
  }
  ask("shorten", () => handle.truncate(end() - 10 * page.length));
  ask("append a page", () => handle.write(page, { at: end() }));
  handle.close();
  await root.removeEntry("at-quota");
  return JSON.stringify(answers);
}
