// A canvas to draw on, and the image of 8 by 8 gray levels that is made of it.

const SIZE = 256;
const PEN = 22;
const STEP = 8; // pixels that an arrow key moves the pen

/** A canvas that is drawn on by mouse, finger, pen or keyboard. */
export class Drawing {
  /** `changed` is called with 64 numbers from 0 to 1 once a stroke ends. */
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.changed = changed;
    this.ink = document.createElement("canvas");
    this.ink.width = this.ink.height = SIZE;
    this.pen = { x: SIZE / 2, y: SIZE / 4, isDown: false };
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", () => this.end());
    canvas.addEventListener("pointercancel", () => this.end());
    canvas.addEventListener("keydown", (event) => this.type(event));
    for (const name of ["focus", "blur"]) canvas.addEventListener(name, () => this.paint());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  clear() {
    this.ink.getContext("2d").clearRect(0, 0, SIZE, SIZE);
    this.pen.isDown = false;
    this.paint();
    this.changed(new Float32Array(64));
  }

  /** Shows an image instead of a drawing. */
  show(pixels) {
    const context = this.ink.getContext("2d");
    context.clearRect(0, 0, SIZE, SIZE);
    const side = SIZE / 8;
    pixels.forEach((level, pixel) => {
      context.fillStyle = `rgb(0 0 0 / ${level})`;
      context.fillRect((pixel % 8) * side, Math.floor(pixel / 8) * side, side, side);
    });
    this.isImage = true;
    this.paint();
  }

  begin(event) {
    this.canvas.setPointerCapture(event.pointerId);
    if (this.isImage) this.forgetImage();
    this.from = this.position(event);
    this.line(this.from, this.from);
  }

  move(event) {
    if (!this.from) return;
    const to = this.position(event);
    this.line(this.from, to);
    this.from = to;
  }

  end() {
    if (!this.from) return;
    this.from = null;
    this.changed(this.pixels());
  }

  type(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key !== " " && !(event.key in moves)) return;
    event.preventDefault();
    if (this.isImage) this.forgetImage();
    const { pen } = this;
    const before = { x: pen.x, y: pen.y };
    if (event.key === " ") {
      pen.isDown = !pen.isDown;
    } else {
      const [x, y] = moves[event.key];
      pen.x = Math.min(Math.max(pen.x + x * STEP, 0), SIZE);
      pen.y = Math.min(Math.max(pen.y + y * STEP, 0), SIZE);
    }
    if (pen.isDown) {
      this.line(before, pen);
    } else {
      this.paint();
    }
    if (event.key === " " && !pen.isDown) this.changed(this.pixels());
  }

  forgetImage() {
    this.ink.getContext("2d").clearRect(0, 0, SIZE, SIZE);
    this.isImage = false;
  }

  position(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * SIZE,
      y: ((event.clientY - box.top) / box.height) * SIZE,
    };
  }

  line(from, to) {
    const context = this.ink.getContext("2d");
    context.lineWidth = PEN;
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x + 0.01, to.y);
    context.stroke();
    this.paint();
  }

  /** Paints the ink in the color of text, and the pen of the keyboard. */
  paint() {
    const style = getComputedStyle(document.documentElement);
    const { context, pen } = this;
    context.clearRect(0, 0, SIZE, SIZE);
    context.drawImage(this.ink, 0, 0);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = style.getPropertyValue("--ink");
    context.fillRect(0, 0, SIZE, SIZE);
    context.globalCompositeOperation = "source-over";
    if (this.canvas.matches(":focus-visible")) {
      context.strokeStyle = style.getPropertyValue("--accent");
      context.lineWidth = pen.isDown ? 6 : 2;
      context.beginPath();
      context.arc(pen.x, pen.y, PEN / 2, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  /** Returns the drawing as the network was trained: 32 by 32 points, counted in squares of 16. */
  pixels() {
    const levels = new Float32Array(64);
    const box = this.bounds();
    if (!box) return levels;
    const small = document.createElement("canvas");
    small.width = small.height = 32;
    const context = small.getContext("2d");
    const scale = Math.min(32 / box.height, 28 / box.width);
    const [width, height] = [box.width * scale, box.height * scale];
    context.drawImage(
      this.ink,
      box.left,
      box.top,
      box.width,
      box.height,
      (32 - width) / 2,
      (32 - height) / 2,
      width,
      height,
    );
    const { data } = context.getImageData(0, 0, 32, 32);
    for (let point = 0; point < 32 * 32; point += 1) {
      const row = Math.floor(point / 32 / 4);
      const column = Math.floor((point % 32) / 4);
      if (data[4 * point + 3] > 127) levels[8 * row + column] += 1 / 16;
    }
    return levels;
  }

  /** Returns the rectangle around the ink; null if there is none. */
  bounds() {
    const { data } = this.ink.getContext("2d").getImageData(0, 0, SIZE, SIZE);
    let [left, top, right, bottom] = [SIZE, SIZE, -1, -1];
    for (let point = 0; point < SIZE * SIZE; point += 1) {
      if (data[4 * point + 3] < 128) continue;
      const x = point % SIZE;
      const y = Math.floor(point / SIZE);
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
    if (right < 0) return null;
    return { left, top, width: right - left + 1, height: bottom - top + 1 };
  }
}
