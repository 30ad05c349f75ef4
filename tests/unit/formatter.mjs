// JavaScript because what it tries is: app/parts/formatter.mjs.
// Standard input is JSON, a list of statements; the output what each becomes.

import { readFileSync } from "node:fs";
import { formatted } from "../../app/parts/formatter.mjs";

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(formatted)));
