// The page: one experiment for each view, asked about whenever a number moves.

import { buildForm } from "/static/form.js";
import { VIEWS } from "/static/pictures.js";

const $ = (id) => document.getElementById(id);
const LOST = "No answer came: see the terminal of  anticrossing page,  and start it again if it has ended.";
const FIRST = new Set(["populations", "map", "surfaces", "end"]); // what has to follow the hand

let opening = null; // what there is to start from
let kind = "passage";
const experiments = {}; // by view: the tables of its experiment file
let figures = null; // of the view that is shown
let running = null; // the question that is being answered
let moved = false; // since it was asked
let refused = ""; // what is wrong with the link: it stays in sight until something is moved

function say(line) {
  $("line").textContent = line;
  $("line").hidden = !line;
}

async function post(path, content, signal) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
    signal,
  });
  if (answer.ok) return answer;
  let line = `The server answers with ${answer.status}.`;
  try {
    line = (await answer.json()).line;
  } catch { /* it is no answer of ours */ }
  throw new Error(line);
}

async function* pieces(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

// A movement while an answer is on its way waits for the first pictures, so that they keep up with
// the hand; what comes after them is given up for the newer question.
function ask() {
  moved = true;
  if (!running) answerAll();
  else if (running.first) running.abort.abort();
}

async function answerAll() {
  while (moved) {
    moved = false;
    running = { abort: new AbortController(), first: false };
    $("pictures").setAttribute("aria-busy", "true");
    const lines = [];
    try {
      const answer = await post("/picture", { tables: experiments[kind] }, running.abort.signal);
      for await (const piece of pieces(answer)) {
        show(piece, lines);
        if (FIRST.has(piece.piece)) {
          running.first = true;
          if (moved) running.abort.abort();
        }
      }
    } catch (error) {
      if (error.name !== "AbortError") {
        say(error instanceof TypeError ? LOST : error.message);
        figures.stale();
      }
    }
    running = null;
  }
  $("pictures").setAttribute("aria-busy", "false");
}

function show(piece, lines) {
  if (piece.piece === "text") {
    $("text").textContent = piece.text;
    keepLink(piece.text);
    figures.begin();
    return;
  }
  if (piece.line) lines.push(piece.line);
  if (piece.piece === "end") say(lines[0] ?? refused);
  figures.draw(piece);
}

let waiting = 0;
function keepLink(text) {
  clearTimeout(waiting);
  waiting = setTimeout(() => history.replaceState(null, "", link(text)), 300);
}

const link = (text) => `/?experiment=${encodeURIComponent(text)}`;

function open(name, tables) {
  kind = name;
  if (tables) experiments[kind] = tables;
  for (const button of $("views").children) {
    button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
  }
  $("pictures").replaceChildren();
  figures = VIEWS[kind]($("pictures"));
  rebuild();
}

function rebuild(focus) {
  buildForm($("controls"), kind, experiments[kind], opening, { changed, rebuild: remade });
  if (focus) $(focus)?.focus();
  ask();
}

function changed() {
  refused = "";
  ask();
}

function remade(focus) {
  refused = "";
  rebuild(focus);
}

async function download(button) {
  const { wanted } = button.dataset;
  button.disabled = true; // a figure and its data take as long as  anticrossing run
  $("said").textContent = "Making the file.";
  try {
    const answer = await post("/download", { wanted, tables: experiments[kind] });
    const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))[1];
    const place = URL.createObjectURL(await answer.blob());
    const anchor = Object.assign(document.createElement("a"), { href: place, download: name });
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(place), 10_000);
    $("said").textContent = `${name} is downloaded.`;
  } catch (error) {
    say(error instanceof TypeError ? LOST : error.message);
  }
  button.disabled = false;
}

async function copyLink() {
  try {
    const { text } = await (await post("/read", { tables: experiments[kind] })).json();
    history.replaceState(null, "", link(text));
    await navigator.clipboard.writeText(location.href);
    $("link").textContent = "Link copied";
  } catch (error) {
    const refused = error.name === "NotAllowedError";
    say(refused ? "The link is the address of this page: copy it from there." : error.message);
  }
  setTimeout(() => { $("link").textContent = "Copy link"; }, 2000);
}

for (const button of $("views").children) {
  button.addEventListener("click", () => open(button.dataset.kind));
}
for (const button of $("keep").querySelectorAll("[data-wanted]")) {
  button.addEventListener("click", () => download(button));
}
$("link").addEventListener("click", copyLink);
$("controls").addEventListener("submit", (event) => event.preventDefault());

let resizing = 0;
new ResizeObserver(() => {
  cancelAnimationFrame(resizing);
  resizing = requestAnimationFrame(() => figures?.redraw());
}).observe($("pictures"));

async function start() {
  opening = await (await fetch("/opening")).json();
  Object.assign(experiments, structuredClone(opening.views));
  const text = new URLSearchParams(location.search).get("experiment") ?? opening.text;
  if (!text) return open("passage");
  try {
    const read = await (await post("/read", { text })).json();
    return open(read.kind, read.tables);
  } catch (error) {
    refused = error.message;
    return open("passage");
  }
}

start();
