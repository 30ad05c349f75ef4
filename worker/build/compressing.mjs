// JavaScript because Node.js has a Brotli encoder, and Python's standard library has none.
//
// For compressing.py: reads a JSON object from standard input, paths of files to write by the paths
// of those to compress.

import { readFile, writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";

const compress = promisify(brotliCompress); // in threads

const files = Object.entries(JSON.parse(await text(process.stdin)));
await Promise.all(
  files.map(async ([from, to]) => {
    const bytes = await readFile(from);
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS, // what browsers accept
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    };
    await writeFile(to, await compress(bytes, { params }));
  }),
);
