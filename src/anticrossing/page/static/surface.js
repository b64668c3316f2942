// Two energy surfaces over a plane, turned by pointer or arrow keys.

import { shown, viridis } from "/static/chart.js";

const WIDE = 1.15, TALL = 0.95; // how the cube is stretched

export function surfaces(figure) {
  const canvas = document.createElement("canvas");
  const said = document.createElement("output");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  figure.querySelector(".picture").append(canvas, said);
  let found = null, turn = 0.6, tilt = 0.42;

  function draw() {
    const ratio = devicePixelRatio || 1, width = Math.max(figure.clientWidth - 26, 220);
    const height = Math.min(480, Math.max(280, 0.6 * width));
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const [low, high] = [found.least, found.most], middle = (low + high) / 2, half = (high - low) / 2 || 1;
    const [cos, sin, up, flat] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)];
    const n = found.x.length;
    const size = Math.min( // as large as it fits however it is turned, with room for the names
      (width / 2 - 30) / (WIDE * Math.SQRT2), (height / 2 - 26) / (TALL * up + Math.SQRT2 * flat),
    );
    // From the unit cube to the screen, and how far away.
    const seen = (a, b, c) => {
      const along = a * cos - b * sin, away = a * sin + b * cos;
      return [width / 2 + size * along * WIDE, height / 2 - size * (c * up * TALL - away * flat), away * up + c * flat];
    };
    const place = (surface, i, j) =>
      seen((2 * i) / (n - 1) - 1, (2 * j) / (n - 1) - 1, (surface[i][j] - middle) / half);
    const faces = [];
    for (const surface of [found.lower, found.upper]) {
      for (let i = 0; i + 1 < n; i++) for (let j = 0; j + 1 < n; j++) {
        const corners = [place(surface, i, j), place(surface, i + 1, j), place(surface, i + 1, j + 1), place(surface, i, j + 1)];
        const depth = corners[0][2] + corners[1][2] + corners[2][2] + corners[3][2];
        faces.push([depth, corners, ((surface[i][j] + surface[i + 1][j + 1]) / 2 - low) / (high - low || 1)]);
      }
    }
    frame(pen, seen);
    faces.sort((one, other) => one[0] - other[0]);
    pen.lineWidth = 0.5;
    pen.strokeStyle = "rgb(255 255 255 / 45%)";
    for (const [, corners, share] of faces) {
      pen.fillStyle = viridis(share);
      pen.beginPath();
      corners.forEach(([x, y], k) => (k ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      pen.closePath();
      pen.fill();
      pen.stroke();
    }
    said.textContent = `${found.energy} ${shown(Number(low.toPrecision(4)))} … ${shown(Number(high.toPrecision(4)))}; smallest gap on the grid ${shown(Number(found.gap.toPrecision(5)))}`;
    canvas.setAttribute("aria-label", `Two energy surfaces, turned by the arrow keys; ${said.textContent}`);
  }

  function frame(pen, seen) {
    const corner = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
    pen.strokeStyle = "#b5bcc3";
    pen.fillStyle = "#1a1a1a";
    pen.font = '12px system-ui, "DejaVu Sans", sans-serif';
    pen.textAlign = "center";
    pen.beginPath();
    for (const [a, b] of corner) pen.lineTo(...seen(a, b, -1).slice(0, 2));
    pen.closePath();
    pen.stroke();
    const ends = (values) => `${shown(Number(values[0].toPrecision(3)))} … ${shown(Number(values.at(-1).toPrecision(3)))}`;
    const name = (text, [x, y]) => {
      const room = pen.measureText(text).width / 2 + 4;
      const most = canvas.clientWidth - room;
      pen.fillText(text, Math.min(Math.max(x, room), most), Math.min(y + 14, canvas.clientHeight - 6));
    };
    // Along the two edges of the floor that are nearest to the eye.
    const near = Math.cos(turn) > 0 ? 1 : -1, side = Math.sin(turn) > 0 ? 1 : -1;
    name(`${found.labels[0]} ${ends(found.x)}`, seen(0, near, -1));
    name(`${found.labels[1]} ${ends(found.y)}`, seen(side, 0, -1));
  }

  function move(by, over) {
    turn += by;
    tilt = Math.min(Math.max(tilt + over, 0.05), 1.5);
    if (found) draw();
  }

  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons) move(0.01 * event.movementX, 0.01 * event.movementY);
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
    if (!step) return;
    event.preventDefault();
    move(...step);
  });

  return (next) => {
    const flat = [...next.lower.flat(), ...next.upper.flat()];
    found = { ...next, least: Math.min(...flat), most: Math.max(...flat) };
    draw();
  };
}
