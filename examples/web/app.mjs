// A digit is drawn, and a spiking network of one step answers, step by step.

import * as ort from "onnxruntime-web";
import { Drawing } from "./drawing.mjs";
import { sample } from "./samples.mjs";
import { SteppedNetwork } from "./spiking.mjs";

const TIME_STEPS = 8;
const PAUSE = 350; // milliseconds from step to step
const MOST_BARS = 24;

const byId = (id) => document.getElementById(id);

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Returns a color of the style sheet, as the canvas takes it. */
function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The scores of the ten digits, as bars. */
class Scores {
  constructor(parent) {
    this.rows = Array.from({ length: 10 }, (_, digit) => {
      const row = element("div", "score");
      const track = element("div");
      const bar = track.appendChild(element("div", "bar"));
      const number = element("output");
      row.append(element("span", "", String(digit)), track, number);
      parent.append(row);
      return { row, bar, number };
    });
  }

  /** Shows the softmax of the scores; returns the digit with the largest. */
  show(logits) {
    const largest = Math.max(...logits);
    const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
    const sum = powers.reduce((total, power) => total + power, 0);
    const best = logits.indexOf(largest);
    this.rows.forEach(({ row, bar, number }, digit) => {
      const percent = (100 * powers[digit]) / sum;
      row.classList.toggle("best", digit === best);
      bar.style.width = `${percent}%`;
      number.textContent = `${percent.toFixed(0)} %`;
    });
    return best;
  }
}

/** The neurons of a layer: which fire in this step, and how many have in each. */
class Layer {
  // A neuron counts the spikes that it has sent, less those that it has taken back, in a state:
  // so it has fired in a step if that has changed.
  constructor(parent, state, title) {
    this.state = state;
    const box = parent.appendChild(element("div", "layer"));
    this.text = element("p");
    this.map = element("canvas");
    this.map.setAttribute("role", "img");
    this.bars = element("div", "bars");
    this.bars.setAttribute("aria-hidden", "true");
    box.append(element("h3", "", title), this.map, this.bars, this.text);
    this.title = title;
    this.reset();
  }

  reset() {
    this.counts = null;
    this.bars.replaceChildren();
    this.total = 0;
    this.steps = 0;
    this.text.textContent = "silent";
  }

  show(states) {
    const counts = states[this.state].data;
    const before = this.counts ?? new Float32Array(counts.length);
    const fired = counts.map((count, neuron) => Math.abs(count - before[neuron]));
    this.counts = Float32Array.from(counts);
    this.draw(fired);
    const spikes = fired.reduce((sum, each) => sum + each, 0);
    this.total += spikes;
    this.steps += 1;
    const part = (100 * this.total) / (counts.length * this.steps);
    const summary = `${spikes} of ${counts.length} neurons fire; ${part.toFixed(0)} % in the mean`;
    this.text.textContent = summary;
    this.map.setAttribute("aria-label", `${this.title}: ${summary}`);
    const bar = this.bars.appendChild(element("div"));
    bar.style.height = `${(100 * spikes) / counts.length}%`;
    bar.title = `${spikes} spikes`;
    if (this.bars.children.length > MOST_BARS) this.bars.firstChild.remove();
  }

  draw(fired) {
    const columns = 32;
    const rows = Math.ceil(fired.length / columns);
    const size = 8;
    this.map.width = columns * size;
    this.map.height = rows * size;
    const context = this.map.getContext("2d");
    const colors = [color("--line"), color("--accent")];
    fired.forEach((spikes, neuron) => {
      context.fillStyle = colors[spikes ? 1 : 0];
      const x = (neuron % columns) * size;
      const y = Math.floor(neuron / columns) * size;
      context.fillRect(x, y, size - 1, size - 1);
    });
  }
}

/** The page: an image, the network that looks at it, and what is shown of both. */
class Page {
  constructor(network) {
    this.network = network;
    this.pixels = new Float32Array(64);
    this.scores = new Scores(byId("scores"));
    this.layers = network.stateNames
      .filter((name) => name.endsWith(".count"))
      .map((name, index) => new Layer(byId("layers"), name, `Layer ${index + 1}`));
    this.drawing = new Drawing(byId("drawing"), (pixels) => this.look(pixels));
    byId("clear").addEventListener("click", () => this.drawing.clear());
    byId("again").addEventListener("click", () => this.look(this.pixels));
    byId("step").addEventListener("click", () => this.stepOnce());
    for (let digit = 0; digit < 10; digit += 1) {
      const button = byId("samples").appendChild(element("button", "", String(digit)));
      button.type = "button";
      button.addEventListener("click", () => {
        this.drawing.show(sample(digit));
        this.look(sample(digit));
      });
    }
    this.run = 0;
    this.rest();
  }

  /** Shows that there is nothing to see yet. */
  rest() {
    this.start();
    byId("digit").textContent = "–";
    byId("time").textContent = "draw a digit";
    this.scores.show(new Float32Array(10));
    for (const layer of this.layers) layer.draw(new Float32Array(512));
  }

  start() {
    this.run += 1; // whatever runs stops
    this.network.reset();
    this.steps = 0;
    for (const layer of this.layers) layer.reset();
    this.drawSeen();
  }

  /** Lets the network look at an image for eight steps. */
  async look(pixels) {
    this.pixels = pixels;
    if (!pixels.some((level) => level > 0)) {
      this.rest();
      return;
    }
    this.start();
    const run = this.run;
    while (run === this.run && this.steps < TIME_STEPS) {
      await this.step();
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  async stepOnce() {
    this.run += 1;
    if (this.pixels.some((level) => level > 0)) await this.step();
  }

  /** Runs one step after those that are under way: a session runs one at a time. */
  step() {
    const run = this.run;
    this.last = (this.last ?? Promise.resolve()).then(async () => {
      if (run !== this.run) return;
      const image = new ort.Tensor("float32", this.pixels, [1, 1, 8, 8]);
      const { logits } = await this.network.step({ image });
      if (run !== this.run) {
        if (this.steps === 0) this.network.reset();
        return;
      }
      this.steps += 1;
      byId("digit").textContent = String(this.scores.show(logits.data));
      byId("time").textContent = `after ${this.steps} ${this.steps === 1 ? "step" : "steps"}`;
      for (const layer of this.layers) layer.show(this.network.states);
    });
    return this.last;
  }

  drawSeen() {
    const context = byId("seen").getContext("2d");
    const image = context.createImageData(8, 8);
    this.pixels.forEach((level, pixel) => {
      image.data.set([28, 32, 36, Math.round(255 * level)], 4 * pixel);
      if (matchMedia("(prefers-color-scheme: dark)").matches) {
        image.data.set([232, 235, 238], 4 * pixel);
      }
    });
    context.putImageData(image, 0, 0);
  }
}

async function main() {
  ort.env.wasm.numThreads = 1;
  try {
    const session = await ort.InferenceSession.create("digits.step.onnx");
    window.page = new Page(new SteppedNetwork(ort, session));
  } catch (error) {
    byId("time").textContent =
      `The network could not be loaded (${error.message}). The page needs a server: ` +
      "python -m http.server";
    throw error;
  }
}

await main();
