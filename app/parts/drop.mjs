// JavaScript because folders can be asked for only while the drop is handled, and these calls may throw.

const MOST = 1000; // files of one drop
const LEFT_OUT = /^(\.|thumbs\.db$|desktop\.ini$)/i; // what systems add to folders by themselves

const byName = (one, other) => (one.name < other.name ? -1 : 1);

const entriesOf = async (folder) => {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    // A reader gives its entries in parts, and none at the end.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all.sort(byName);
    all.push(...some);
  }
};

const collect = async (entry, found) => {
  const { files } = found;
  if (files.length >= MOST) {
    found.cut = true;
    return;
  }
  if (entry.isFile) {
    files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    return;
  }
  for (const inner of await entriesOf(entry)) {
    if (!LEFT_OUT.test(inner.name)) await collect(inner, found);
  }
};

/**
 * Returns a promise of the files of a drop, those in its folders among them, up to MOST; of the names
 * of folders that have none; of the names of those that could not be read; and of whether there are
 * more files. Call it while the event is handled.
 */
export const droppedFiles = (transfer) => {
  const dropped = [...transfer.items]
    .filter(({ kind }) => kind === "file")
    .map((item) => ({ entry: item.webkitGetAsEntry?.() ?? null, file: item.getAsFile() }));
  return (async () => {
    const found = { files: [], empty: [], unread: [], cut: false };
    for (const { entry, file } of dropped) {
      if (!entry?.isDirectory) {
        if (file) found.files.push(file);
        continue;
      }
      const before = found.files.length;
      try {
        await collect(entry, found);
        if (found.files.length === before) found.empty.push(entry.name);
      } catch {
        found.unread.push(entry.name); // it was moved, or the system forbids reading it
      }
    }
    return found;
  })();
};
