// JavaScript because it calls the page's decoder, which is JavaScript, for test_columns.py.

import { readFileSync } from "node:fs";
import { Rows } from "../../app/parts/columns.mjs";

const { names, pieces } = JSON.parse(readFileSync(0, "utf8"));
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
process.stdout.write(
  JSON.stringify({
    size: rows.size,
    cells: table((row, column) => plain(rows.cell(row, column))),
    lines: table((row, column) => rows.line(row, column)),
    texts: table((row, column) => rows.text(row, column).text),
    tsv: rows.tsv(1000),
  }),
);
