// A map of colours that is probed by pointer or arrow keys.

import { shown, ticks, viridisRgb } from "/static/chart.js";

const PAD = { left: 54, right: 70, top: 10, bottom: 40 };

export function heatMap(figure, probed) {
  const canvas = document.createElement("canvas");
  const said = document.createElement("output");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", "Map of the population: arrow keys move the probe");
  said.setAttribute("aria-live", "polite");
  figure.querySelector(".picture").append(canvas, said);
  let found = null, values = null, image = null, probe = null;

  function paint() {
    const { offsets, amplitudes, range } = found;
    const rows = amplitudes.length, columns = offsets.length;
    image = new OffscreenCanvas(columns, rows);
    const pixels = new ImageData(columns, rows);
    const low = range[0], size = range[1] - range[0] || 1;
    for (let i = 0; i < columns; i++) for (let j = 0; j < rows; j++) {
      const at = 4 * ((rows - 1 - j) * columns + i);
      const colour = viridisRgb((values[i * rows + j] - low) / size);
      pixels.data.set(colour, at);
      pixels.data[at + 3] = 255;
    }
    image.getContext("2d").putImageData(pixels, 0, 0);
  }

  const box = () => ({
    w: canvas.clientWidth - PAD.left - PAD.right, h: canvas.clientHeight - PAD.top - PAD.bottom,
  });

  function draw() {
    const ratio = devicePixelRatio || 1, width = Math.max(figure.clientWidth - 26, 220);
    const height = Math.min(420, Math.max(240, 0.55 * width));
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = '11.5px system-ui, "DejaVu Sans", sans-serif';
    const { w, h } = { w: width - PAD.left - PAD.right, h: height - PAD.top - PAD.bottom };
    pen.imageSmoothingEnabled = false;
    pen.drawImage(image, PAD.left, PAD.top, w, h);
    axes(pen, w, h, width, height);
    const [i, j] = probe;
    const x = PAD.left + ((i + 0.5) / found.offsets.length) * w;
    const y = PAD.top + h - ((j + 0.5) / found.amplitudes.length) * h;
    for (const [colour, thick] of [["#000", 3], ["#fff", 1.4]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = thick;
      pen.beginPath();
      pen.moveTo(PAD.left, y); pen.lineTo(PAD.left + w, y);
      pen.moveTo(x, PAD.top); pen.lineTo(x, PAD.top + h);
      pen.stroke();
    }
    said.textContent = probed(i, j);
  }

  function axes(pen, w, h, width, height) {
    const { offsets, amplitudes, range } = found;
    const [x0, x1] = [offsets[0], offsets.at(-1)], [y0, y1] = [amplitudes[0], amplitudes.at(-1)];
    pen.fillStyle = "#595959";
    pen.textAlign = "center";
    const text = (v) => shown(v);
    for (const v of ticks(x0, x1, Math.max(3, w / 55))) {
      pen.fillText(text(v), PAD.left + ((v - x0) / (x1 - x0)) * w, PAD.top + h + 16);
    }
    pen.textAlign = "right";
    for (const v of ticks(y0, y1, 6)) {
      pen.fillText(text(v), PAD.left - 6, PAD.top + h - ((v - y0) / (y1 - y0)) * h + 4);
    }
    for (let k = 0; k < h; k++) {
      pen.fillStyle = `rgb(${viridisRgb(1 - k / h).join(" ")})`;
      pen.fillRect(PAD.left + w + 12, PAD.top + k, 12, 1.5);
    }
    pen.fillStyle = "#595959";
    pen.textAlign = "left";
    for (const [share, v] of [[0, range[1]], [1, range[0]]]) {
      pen.fillText(text(Number(v.toPrecision(2))), PAD.left + w + 28, PAD.top + share * h + (share ? 0 : 9));
    }
    pen.fillStyle = "#d55e00"; // resonances: the offset is a multiple of the frequency
    for (const v of found.resonances) {
      pen.fillRect(PAD.left + ((v - x0) / (x1 - x0)) * w - 1, PAD.top + h, 2, 5);
    }
    pen.fillStyle = "#1a1a1a";
    pen.font = '12px system-ui, "DejaVu Sans", sans-serif';
    pen.textAlign = "center";
    pen.fillText(`${found.x} (orange: multiples of the frequency)`, PAD.left + w / 2, height - 6, width);
    pen.save();
    pen.translate(13, PAD.top + h / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(found.y, 0, 0);
    pen.restore();
  }

  // On a resonance beside the middle, where along the amplitude there is something to be seen.
  const start = ({ offsets, resonances }) => {
    const place = resonances[Math.floor(resonances.length / 2) + 1] ?? 0;
    const found = offsets.findIndex((v) => v >= place);
    return found < 0 ? Math.floor(offsets.length / 2) : found;
  };

  const clamp = (k, size) => Math.min(Math.max(k, 0), size - 1);

  function move(i, j) {
    if (!found) return;
    probe = [clamp(i, found.offsets.length), clamp(j, found.amplitudes.length)];
    draw();
  }

  function point(event) {
    const { w, h } = box(), place = canvas.getBoundingClientRect();
    const x = (event.clientX - place.left - PAD.left) / w, y = (event.clientY - place.top - PAD.top) / h;
    move(Math.floor(x * found.offsets.length), Math.floor((1 - y) * found.amplitudes.length));
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    point(event);
  });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons) point(event); });
  canvas.addEventListener("keydown", (event) => {
    const far = event.shiftKey ? 10 : 1;
    const step = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, far], ArrowDown: [0, -far] }[event.key];
    if (!step) return;
    event.preventDefault();
    move(probe[0] + step[0], probe[1] + step[1]);
  });

  return (next, numbers) => {
    const changed = !found || found.offsets.length !== next.offsets.length ||
      found.amplitudes.length !== next.amplitudes.length;
    found = next;
    values = numbers;
    if (changed) probe = [start(next), Math.floor(next.amplitudes.length / 2)];
    paint();
    draw();
  };
}
