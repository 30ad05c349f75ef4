// JavaScript, because the peers are: plays a plan (tests/bench/plan.py) on one of their drivers.

const made = new Map();

/** The rows that a step's last part describes: the same as player.py makes. */
function rowsOf(spec) {
  const key = JSON.stringify(spec);
  if (!made.has(key)) made.set(key, makeRows(spec));
  return made.get(key);
}

function makeRows({ count, columns, seed }) {
  let state = seed;
  const draw = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
  const kinds = {
    serial: (size, number) => size + number,
    int: (size) => (draw() >>> 7) % size,
    float: (size) => ((draw() + 0.5) / 4294967296) * size,
    text: (size) => draw().toString(16).padStart(8, "0").repeat(size / 8),
  };
  return Array.from({ length: count }, (_, number) =>
    columns.map(([kind, size]) => kinds[kind](size, number)),
  );
}

/**
 * Does every step of a plan, closes and deletes the database.
 *
 * A driver has: open(cache), close(), remove(), run(sql) → rows, many(sql, rows),
 * each(sql, rows) → sum of the first columns. `asked` are player.py's SETTINGS.
 */
export async function play(plan, driver, asked) {
  const answer = { times: {}, results: [], settings: {} };
  let isOpen = false;

  const steps = {
    async open(cache) {
      if (isOpen) await driver.close();
      await driver.open(cache);
      isOpen = true;
      for (const [name, sql] of Object.entries(asked)) {
        if (!(name in answer.settings)) [[answer.settings[name]]] = await driver.run(sql);
      }
    },
    async run(sql) {
      const found = await driver.run(sql);
      if (found.length) answer.results.push(found);
    },
    many: (sql, spec) => driver.many(sql, rowsOf(spec)),
    async each(sql, spec) {
      answer.results.push(await driver.each(sql, rowsOf(spec)));
    },
    async time(name, parts) {
      for (const [, , spec] of parts) if (spec) rowsOf(spec);
      const begin = performance.now();
      for (const [kind, ...rest] of parts) await steps[kind](...rest);
      answer.times[name] = performance.now() - begin;
    },
  };

  try {
    for (const [kind, ...rest] of plan) await steps[kind](...rest);
  } finally {
    if (isOpen) await driver.close();
    await driver.remove();
  }
  return answer;
}
