// Spiking networks in onnxruntime for JavaScript, in Node and in the browser alike.
//
// `ort` is the module onnxruntime-node or onnxruntime-web, and `session` one of its sessions.

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
};

// An axis of any size has no number in the metadata, or one that is no size: onnxruntime-node says
// -1, onnxruntime-web 2^32 - 1.
const isSize = (size) => Number.isInteger(size) && size > 0 && size < 2 ** 31;

/** Returns a tensor of zeros in the type of an input; axes of any size have length 1. */
export function zeros(ort, metadata) {
  const dims = metadata.shape.map((size) => (isSize(size) ? size : 1));
  const length = dims.reduce((product, size) => product * size, 1);
  return new ort.Tensor(metadata.type, new ARRAYS[metadata.type](length), dims);
}

/** Returns T as the tensor that a file with `--T-input required` takes. */
export function timeSteps(ort, count) {
  return new ort.Tensor("int64", BigInt64Array.of(BigInt(count)), []);
}

/** Whether a session is that of a file of one step, `--layout step`. */
export function isOfOneStep(session) {
  return session.inputNames.includes("reset");
}

/** A network of one step, and the states that it is in. */
export class SteppedNetwork {
  constructor(ort, session) {
    this.ort = ort;
    this.session = session;
    this.stateNames = session.inputNames.filter((name) =>
      session.outputNames.includes(`${name}.next`),
    );
    this.reset();
  }

  /** Lets the next step be the first of a new run. */
  reset() {
    this.isFirst = true;
    const metadata = Object.fromEntries(this.session.inputMetadata.map((each) => [each.name, each]));
    this.states = Object.fromEntries(
      this.stateNames.map((name) => [name, zeros(this.ort, metadata[name])]),
    );
  }

  /** Returns the outputs after one more step; `feeds` has a tensor for each input of the ANN. */
  async step(feeds) {
    const reset = new this.ort.Tensor("bool", Uint8Array.of(this.isFirst ? 1 : 0), []);
    const results = await this.session.run({ ...feeds, ...this.states, reset });
    for (const name of this.stateNames) {
      this.states[name] = results[`${name}.next`];
      delete results[`${name}.next`];
    }
    this.isFirst = false;
    return results;
  }
}

/** Returns the outputs after T steps, of a file with T as a required input, or of one of one step. */
export async function run(ort, session, feeds, count) {
  if (!isOfOneStep(session)) {
    return session.run({ ...feeds, T: timeSteps(ort, count) });
  }
  const network = new SteppedNetwork(ort, session);
  let outputs;
  for (let step = 0; step < count; step += 1) {
    outputs = await network.step(feeds);
  }
  return outputs;
}
