// SPDX-License-Identifier: Apache-2.0
// The peer of bench_cel.c: npm @bufbuild/cel, planned once, over the same inputs.
import { parse, plan } from "@bufbuild/cel";

const inputs = [];
let state = 42;
const draw = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state >>> 8;
};
for (let i = 0; i < 3000; i++) {
  const name = ["order", "order", "visit"][draw() % 3];
  const total = (draw() % 1000) / 10;
  const country = ["TW", "HK", "JP", "US", "DE"][draw() % 5];
  inputs.push({
    event: { name, total, currency: "TWD" },
    customer: { key: "c-1", country, locale: "zh-TW" },
  });
}

const source =
  'event.name == "order" && event.total > 50.0 && customer.country in ["TW","HK"]';
let evaluate;
if (typeof plan === "function") {
  const { celEnv } = await import("@bufbuild/cel");
  evaluate = plan(celEnv(), parse(source));
}
const round = () => {
  let hits = 0;
  for (const input of inputs) if (evaluate(input) === true) hits++;
  return hits;
};
const seconds = Number(process.argv[2] ?? 2);
let hits = round();
for (let i = 0; i < 50; i++) round(); // warm up
const start = process.hrtime.bigint();
let rounds = 0;
let passed = 0;
while (passed < seconds) {
  if (round() !== hits) process.exit(1);
  rounds++;
  passed = Number(process.hrtime.bigint() - start) / 1e9;
}
console.log(Math.round((rounds * inputs.length) / passed), hits);
