// SPDX-License-Identifier: Apache-2.0
// node bench_liquid.js TEMPLATE DATA SECONDS: liquidjs, parsed once, renderSync.
const fs = require('fs');
const { Liquid } = require('liquidjs');
const [, , template, data, seconds] = process.argv;
const engine = new Liquid();
const parsed = engine.parse(fs.readFileSync(template, 'utf8'));
const scope = JSON.parse(fs.readFileSync(data, 'utf8'));
let out;
for (let i = 0; i < 3000; i++) out = engine.renderSync(parsed, scope); // let the JIT settle
const from = process.hrtime.bigint();
const span = BigInt(Math.round(Number(seconds) * 1e9));
let n = 0;
while (process.hrtime.bigint() - from < span)
  for (let i = 0; i < 50; i++, n++) out = engine.renderSync(parsed, scope);
console.error(Math.round((n * 1e9) / Number(process.hrtime.bigint() - from)));
process.stdout.write(out);
