// JavaScript because it calls the page's decoder, which is JavaScript, for test_columns.py.

import { readFileSync } from "node:fs";
import { numberText, Rows } from "../../app/parts/columns.mjs";
import { partOf, rowsToCopy, sheetOf } from "../../app/parts/copying.mjs";
import { figuresOf } from "../../app/parts/figures.mjs";

const { names, pieces, range } = JSON.parse(readFileSync(0, "utf8"));
const rows = new Rows(names, "{start} · {count} bytes");
for (const { description, hex } of pieces) {
  const bytes = Buffer.from(hex, "hex");
  rows.add(description, bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}
const table = (read) =>
  Array.from({ length: rows.size }, (_, row) => names.map((_, column) => read(row, column)));
const plain = ({ kind, value }) => {
  if (kind === "int") return [kind, value.toString()];
  if (kind === "float") {
    const bits = new DataView(new ArrayBuffer(8));
    bits.setFloat64(0, value);
    return [kind, bits.getBigUint64(0).toString()];
  }
  return [kind, value === null ? null : Buffer.from(value).toString("hex")];
};
const wanted = range ?? { from: 0, to: rows.size, columns: names.map((_, index) => index) };
const count = rowsToCopy(rows, wanted);
const sheet = await sheetOf(rows, wanted, count, true);
const figures = await figuresOf(rows, wanted, () => true);
const shown = ([name, value]) => [name, name === "numbers" || value === null ? value : numberText(value)];
const part = await partOf(rows, wanted, count);
process.stdout.write(
  JSON.stringify({
    size: rows.size,
    cells: table((row, column) => plain(rows.cell(row, column))),
    lines: table((row, column) => rows.line(row, column)),
    texts: table((row, column) => rows.text(row, column).text),
    tsv: { text: await sheet.text.text(), rows: count },
    markup: sheet.markup && (await sheet.markup.text()),
    part: { hex: Buffer.from(await part.file.arrayBuffer()).toString("hex"), described: part.described, names: part.names },
    figures: figures && Object.fromEntries(Object.entries(figures).map(shown)),
  }),
);
