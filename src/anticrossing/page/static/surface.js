// Two energy surfaces over a plane, turned by pointer or arrow keys.

import { shown, viridis } from "/static/chart.js";

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
    const size = 0.33 * Math.min(width, 1.35 * height);
    const [low, high] = [found.least, found.most], middle = (low + high) / 2, half = (high - low) / 2 || 1;
    const [cos, sin, up, flat] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)];
    const n = found.x.length;
    // From the unit cube to the screen, and how far away.
    const seen = (a, b, c) => {
      const along = a * cos - b * sin, away = a * sin + b * cos;
      return [width / 2 + size * along * 1.15, height / 2 - size * (c * up * 0.95 - away * flat), away * up + c * flat];
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
    for (const c of [-1]) corner.forEach(([a, b], k) => {
      const [x, y] = seen(a, b, c), [u, v] = seen(...corner[(k + 1) % 4], c);
      pen.moveTo(x, y);
      pen.lineTo(u, v);
    });
    pen.stroke();
    const ends = (values) => `${shown(Number(values[0].toPrecision(3)))} … ${shown(Number(values.at(-1).toPrecision(3)))}`;
    const [px, py] = seen(0, -1.28, -1), [qx, qy] = seen(1.28, 0, -1);
    pen.fillText(`${found.labels[0]} ${ends(found.x)}`, px, py);
    pen.fillText(`${found.labels[1]} ${ends(found.y)}`, qx, qy);
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
