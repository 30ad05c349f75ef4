// JavaScript because what it tries is: app/parts/statements.mjs.
// Standard input is JSON {texts, edits}; edits are [text, [[[from, to, insert], …], …]].

import { readFileSync } from "node:fs";
import { Statements } from "../../app/parts/statements.mjs";

/** What statements.mjs uses of a CodeMirror document. */
const documentOf = (text) => ({
  length: text.length,
  sliceString: (from, to) => text.slice(from, to),
  lineAt: (position) => ({ from: text.lastIndexOf("\n", position - 1) + 1 }),
});

/** What it uses of a CodeMirror ChangeSet; changes are in ascending order and do not touch. */
const changesOf = (changes) => ({
  iterChangedRanges: (tell) => {
    let shift = 0;
    for (const [from, to, insert] of changes) {
      tell(from, to, from + shift, from + shift + insert.length);
      shift += insert.length - (to - from);
    }
  },
});

const changed = (text, changes) => {
  let [result, at] = ["", 0];
  for (const [from, to, insert] of changes) {
    result += text.slice(at, from) + insert;
    at = to;
  }
  return result + text.slice(at);
};

const pairs = ({ bounds, count, isOpen }) => ({
  bounds: Array.from({ length: count }, (_, number) => bounds.slice(2 * number, 2 * number + 2)),
  isOpen,
});

const whole = (text) => new Statements().more(documentOf(text), Infinity);

/** Reads in the smallest pieces that there are. */
const slowly = (text) => {
  let found = new Statements();
  while (!found.isComplete) found = found.more(documentOf(text), -1);
  return found;
};

const { texts = [], edits = [], places = [] } = JSON.parse(readFileSync(0, "utf8"));
const followed = edits.map(([first, steps, ms]) => {
  let text = first;
  let found = new Statements().more(documentOf(text), ms ?? Infinity);
  return steps.map((changes) => {
    text = changed(text, changes);
    found = found.changed(changesOf(changes), documentOf(text), ms ?? Infinity);
    const complete = found.more(documentOf(text), Infinity);
    return { text, found: pairs(complete), anew: pairs(whole(text)) };
  });
});
process.stdout.write(
  JSON.stringify({
    texts: texts.map((text) => [pairs(whole(text)), pairs(slowly(text))]),
    edits: followed,
    places: places.map(([text, position]) => whole(text).around(position, documentOf(text))),
  }),
);
