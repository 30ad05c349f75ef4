// JavaScript because it calls the page's own module, for test_visible.py.

import { readFileSync } from "node:fs";
import { pieces } from "../../app/parts/visible.mjs";

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(pieces)));
