// JavaScript because it tries a module of JavaScript: app/parts/drop.mjs, with entries as browsers have them.

import { readFileSync } from "node:fs";
import { droppedFiles } from "../../app/parts/drop.mjs";

const PART = 100; // entries that a browser's reader gives at a time

const fail = (_resolve, reject) => setTimeout(() => reject(new DOMException("gone", "NotFoundError")));

const entryOf = (name, content) => {
  if (content === "file") {
    return { name, isFile: true, isDirectory: false, file: (resolve) => setTimeout(resolve, 0, { name }) };
  }
  if (content === "gone") return { name, isFile: true, isDirectory: false, file: fail };
  return {
    name,
    isFile: false,
    isDirectory: true,
    createReader() {
      const rest = Object.entries(content).map(([inner, value]) => entryOf(inner, value));
      return { readEntries: (resolve) => setTimeout(resolve, 0, rest.splice(0, PART)) };
    },
  };
};

const { dropped } = JSON.parse(readFileSync(0, "utf8"));
let handled = false;
const items = Object.entries(dropped).map(([name, content]) => ({
  kind: content === "text" ? "string" : "file",
  // Once the event has been handled, a browser gives nothing any more.
  webkitGetAsEntry: () => (handled || content === "synthetic" ? null : entryOf(name, content)),
  getAsFile: () => (handled ? null : { name }),
}));
const promise = droppedFiles({ items });
handled = true;
const { files, empty, unread, cut } = await promise;
const names = files.map(({ name }) => name);
process.stdout.write(JSON.stringify({ files: names, empty, unread, cut }));
