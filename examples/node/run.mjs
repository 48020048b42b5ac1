// Runs a spiking network in onnxruntime-node and prints its outputs as JSON.
//
//     npm install --ignore-scripts
//     node run.mjs snn.onnx [--T 8] [--feeds feeds.json]
//
// The file takes T as a required input (onnx2snn convert --T-input required) or is one of a single
// step (--layout step). Feeds are {"NAME": {"dims": [1, 1, 8, 8], "data": [0.5, ...]}}; without any,
// the input is made up.

import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import * as ort from "onnxruntime-node";
import { isOfOneStep, run, zeros } from "../web/spiking.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { T: { type: "string", default: "8" }, feeds: { type: "string" } },
});
if (positionals.length !== 1 || !(Number(values.T) >= 1)) {
  console.error("usage: node run.mjs snn.onnx [--T 8] [--feeds feeds.json]");
  process.exit(2);
}
const session = await ort.InferenceSession.create(positionals[0]);
if (!isOfOneStep(session) && !session.inputNames.includes("T")) {
  console.error("the file has no input T: write it with 'onnx2snn layout --T-input required'");
  process.exit(1);
}

const given = values.feeds ? JSON.parse(await readFile(values.feeds, "utf8")) : {};
const feeds = {};
for (const metadata of session.inputMetadata) {
  const isOwn =
    ["T", "reset"].includes(metadata.name) ||
    session.outputNames.includes(`${metadata.name}.next`);
  if (isOwn) continue;
  const tensor = zeros(ort, metadata);
  const { dims, data } = given[metadata.name] ?? {
    dims: tensor.dims,
    data: Array.from(tensor.data, (_, index) => (index % 7) / 7),
  };
  const isLong = metadata.type === "int64";
  const array = tensor.data.constructor.from(isLong ? data.map(BigInt) : data);
  feeds[metadata.name] = new ort.Tensor(metadata.type, array, dims);
}
const results = await run(ort, session, feeds, Number(values.T));
const printed = Object.fromEntries(
  Object.entries(results).map(([name, { dims, data }]) => [
    name,
    { dims, data: Array.from(data, Number) },
  ]),
);
console.log(JSON.stringify(printed));
