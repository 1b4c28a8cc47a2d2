"use strict";
/* What one sees and can do. Every network evaluation is asked of a worker (worker.js). */
(() => {
const $ = (id) => document.getElementById(id);
// On the front page of the course's site, in a frame, drawing is all there is.
document.body.classList.toggle("framed", location.search === "?framed");
const COUNT = 16, FRAMES = 15, UNASKED = "any";
const { network: kept, about } = readContent();
const settings = kept.settings, { size, in_ch: channels, classes } = settings;
const PIXELS = channels * size * size;

function readContent() {
  try {
    const content = JSON.parse($("content").textContent);
    content.network = { ...content.network, ...unpack(content.network) };
    window.unet = built(content.network);
    return content;
  } catch {
    fail(INCOMPLETE);
    throw new Error("an incomplete copy");
  }
}

// --- workers -------------------------------------------------------------------------------------

const NO_WORKERS = "The network on this page calculates in the background, and this browser can’t " +
  "use web workers for that. Another browser, or a newer one, will show it.";
const WENT_WRONG = "Something went wrong while the network was drawing. Load the page again to go on.";
let ready = false;
const receivers = new Map(); // lane -> {id, receive}: what is no longer wanted finds nobody
let jobs = 0;

function startWorker() {
  try {
    const text = `${$("network").textContent}\n${$("worker").textContent}`;
    const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const worker = new Worker(address);
    worker.onerror = () => fail(ready ? WENT_WRONG : NO_WORKERS);
    worker.onmessage = ({ data }) => {
      ready ||= data.ready;
      const receiver = receivers.get(data.lane);
      if (receiver && receiver.id === data.id) receiver.receive(data);
    };
    worker.postMessage({ kept: { weights: kept.weights, settings } });
    return worker;
  } catch {
    fail(NO_WORKERS);
    throw new Error("no workers");
  }
}

// A phone gets warm and a laptop loud with all of them, so one core stays free.
const cores = Math.min(4, (navigator.hardwareConcurrency || 2) - 1);
const workers = Array.from({ length: Math.max(1, cores) }, startWorker);

// Start a job in a lane; it replaces what was going on there. receive gets what the job yields.
function ask(lane, message, receive, worker = workers[0]) {
  const id = ++jobs;
  receivers.set(lane, { id, receive });
  worker.postMessage({ lane, id, ...message });
}

// --- chance and pictures -------------------------------------------------------------------------

// mulberry32: a seed gives the same noise again, on every machine.
function uniform(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function gaussian(seed) {
  const random = uniform(seed);
  return Float32Array.from({ length: PIXELS }, () =>
    Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
}

const newSeed = () => Math.floor(Math.random() * 2 ** 31);

// The noise on the way from a to b: on a circle, so that it stays as loud as noise is.
function slerp(a, b, way) {
  const dot = (p, q) => p.reduce((sum, v, i) => sum + v * q[i], 0);
  const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)))));
  const [p, q] = [Math.sin((1 - way) * angle), Math.sin(way * angle)];
  return a.map((v, i) => (p * v + q * b[i]) / Math.sin(angle));
}

function paint(canvas, pixels) {
  [canvas.width, canvas.height] = [size, size];
  canvas.getContext("2d").putImageData(imageOf(pixels), 0, 0);
}

function imageOf(pixels) { // one channel is grey, three are red, green and blue
  const image = new ImageData(size, size), n = size * size;
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < 3; c++)
      image.data[4 * i + c] = 127.5 * (1 + pixels[i + (channels === 3 ? c : 0) * n]);
    image.data[4 * i + 3] = 255;
  }
  return image;
}

const SIGNED = [[0x17, 0x4a, 0x84], [0x2b, 0x6c, 0xb0], [255, 255, 255], [0xc0, 0x56, 0x21], [0x7c, 0x2d, 0x0a]];

// From blue through white at 0 to orange; value is from -1 to 1.
function signedColour(value) {
  const at = Math.min(3.999, Math.max(0, 2 * (value + 1))), i = Math.floor(at);
  return SIGNED[i].map((from, c) => from + (at - i) * (SIGNED[i + 1][c] - from));
}

function paintMap(context, data, offset, H, W, limit, x, y) {
  const image = new ImageData(W, H);
  for (let i = 0; i < H * W; i++)
    image.data.set([...signedColour(data[offset + i] / limit), 255], 4 * i);
  context.putImageData(image, x, y);
}

// --- small helpers -------------------------------------------------------------------------------

const evaluations = () => Number($("evaluations").value);
const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
const percent = (share) => `${Math.round(100 * share)}%`;

function press(buttons, chosen) {
  for (const button of buttons) {
    button.setAttribute("aria-pressed", String(button === chosen));
    button.tabIndex = button === chosen ? 0 : -1;
  }
}

// One stop for the Tab key; the arrows go on from there.
function arrows(group, across = () => 1) {
  group.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across(), ArrowUp: -across() };
    const buttons = [...group.querySelectorAll("button")];
    const now = buttons.indexOf(document.activeElement);
    const to = { Home: 0, End: buttons.length - 1 }[event.key] ?? now + steps[event.key];
    if (now < 0 || Number.isNaN(to)) return;
    event.preventDefault();
    buttons[to]?.focus();
  });
}

// --- draw ----------------------------------------------------------------------------------------

let pictures = []; // {noise, own, steps}
let began = 0, finished = 0, chosen = 0;
let asked = classes; // no label: then each picture has one of its own
const tiles = Array.from({ length: COUNT }, (_, i) => {
  const tile = document.createElement("button");
  tile.type = "button";
  tile.append(document.createElement("canvas"));
  tile.firstChild.className = "pixels";
  tile.addEventListener("click", () => choose(i));
  return tile;
});
$("grid").append(...tiles);
arrows($("grid"), () => getComputedStyle($("grid")).gridTemplateColumns.split(" ").length);

function newPictures() {
  pictures = Array.from({ length: COUNT }, () => ({ noise: gaussian(newSeed()), own: anyLabel() }));
  redraw();
}

const anyLabel = () => Math.floor(Math.random() * classes);
const labelOf = ({ own }) => (asked === classes ? own : asked);

// Draw the same noises with the evaluations, and the label, that are asked for now.
function redraw() {
  const wanted = pictures.map((picture, index) => ({ index, noise: picture.noise, label: labelOf(picture) }));
  for (const [i, picture] of pictures.entries()) {
    picture.steps = [];
    paint(tiles[i].firstChild, picture.noise);
    tiles[i].setAttribute("aria-label", `Picture ${i + 1} of ${COUNT}, not drawn yet`);
  }
  [began, finished] = [performance.now(), 0];
  $("speed").textContent = "";
  showProgress();
  for (const [w, worker] of workers.entries()) {
    const share = wanted.filter(({ index }) => index % workers.length === w);
    const message = { job: "draw", pictures: share, evaluations: evaluations() };
    ask(`grid ${w}`, message, receiveStep, worker);
  }
  $("step").max = evaluations();
  $("step").value = evaluations();
  showStep();
}

function receiveStep({ done, index, number, step }) {
  if (done) return;
  pictures[index].steps.push(step);
  paint(tiles[index].firstChild, step.xt);
  if (index === chosen) showStep();
  if (number + 1 < evaluations()) return;
  tiles[index].setAttribute("aria-label", `Picture ${index + 1} of ${COUNT}: follow it step by step`);
  if (++finished < COUNT) return showProgress();
  const seconds = (performance.now() - began) / 1000, rate = COUNT / seconds;
  $("progress").textContent = "";
  $("speed").textContent = `${COUNT} ${about.draws} in ${seconds.toFixed(1)} s: ` +
    `${rate.toFixed(rate < 10 ? 1 : 0)} a second, ${plural(evaluations(), "evaluation")} each.`;
}

function showProgress() {
  $("progress").textContent = `Drawing: ${finished} of ${COUNT} …`;
}

function showEvaluations() {
  $("evaluations-shown").textContent = plural(evaluations(), "evaluation");
  const rows = about.figures;
  if (!rows.length) return;
  const distance = ([n]) => Math.abs(Math.log(n / evaluations()));
  const near = rows.reduce((best, row) => (distance(row) < distance(best) ? row : best));
  const [n, recognised, frechet] = near, said = [];
  if (recognised !== null) said.push(`a judge recognises ${percent(recognised)} of its pictures`);
  if (frechet !== null) said.push(`their distance to real ones is ${frechet.toFixed(1)}`);
  $("quality").textContent = `Measured with ${plural(n, "evaluation")}: ${said.join(", and ")}.`;
  for (const row of $("figures").querySelectorAll("tbody tr"))
    row.classList.toggle("now", Number(row.firstChild.textContent) === n);
}

function choices(place, name, names, change) {
  for (const [text, value] of names) {
    const label = document.createElement("label"), input = document.createElement("input");
    Object.assign(input, { type: "radio", name, value, checked: value === classes });
    input.addEventListener("change", () => change(value));
    label.append(input, Object.assign(document.createElement("span"), { textContent: text }));
    place.append(label);
  }
}

// --- follow --------------------------------------------------------------------------------------

let maps = [], inner = null, mapsOf = null;

function choose(i) {
  chosen = i;
  press(tiles, tiles[i]);
  showStep();
  $("follow").scrollIntoView({ block: "start" });
}

function showStep() {
  const steps = pictures[chosen].steps, last = Math.min(Number($("step").value), steps.length);
  const number = Math.max(1, last), step = steps[number - 1];
  paint($("seen"), step?.seen ?? pictures[chosen].noise);
  paint($("guess"), step?.x0 ?? new Float32Array(PIXELS).fill(-1));
  const time = step && (settings.predicts === "straight" ? `t = ${step.t.toFixed(2)}` : `t = ${step.t}`);
  $("step-shown").textContent = step ? `${number} of ${evaluations()}, ${time}` : "…";
  $("seen").ariaLabel = `What the network sees of picture ${chosen + 1} at step ${number}`;
  $("guess").ariaLabel = `The finished picture that it guesses at step ${number}`;
  if (!step || mapsOf === step || !inSight.has("follow")) return;
  mapsOf = step;
  const message = { job: "maps", seen: step.seen, told: step.told, label: labelOf(pictures[chosen]) };
  ask("maps", message, ({ maps: made }) => {
    if (!made) return;
    maps = made;
    if (!$("the-u").firstChild) drawU();
    showThumbnails();
    showMaps();
  });
}

// Parts of the U are what lies in no other part: encoder.blocks.0, but not encoder.blocks.0.conv1.
const inside = (name, outer) => name.startsWith(`${outer}.`);
const parts = () => maps.filter(({ name, shape }) =>
  shape[1] > 1 && !maps.some((other) => other.shape[1] > 1 && inside(name, other.name)));

/* Places in a grid: a part that halves the picture stands below the one before, a part that doubles
it above, any other to the right. */
function drawU() {
  const places = [], boxes = [], group = $("the-u");
  let [column, row] = [0, 0], smallest = false;
  for (const { name, shape: [C, H] } of parts()) {
    const level = Math.round(Math.log2(size / H)), before = places.at(-1);
    if (before && level === row) column++;
    smallest ||= before && level < row;
    row = level;
    places.push({ name, column, row, side: smallest ? "up" : "down" });
    const box = document.createElement("button");
    box.type = "button";
    box.style.gridArea = `${row + 1} / ${column + 1}`;
    box.append(document.createElement("canvas"), document.createElement("span"));
    box.firstChild.className = "pixels";
    const side = Object.assign(document.createElement("i"), { textContent: ` × ${H}²` });
    box.lastChild.append(C, side); // a phone has room for the channels alone
    box.title = name;
    box.ariaLabel = `${name}: ${plural(C, "channel")} of ${H} by ${H}`;
    box.addEventListener("click", () => choosePart(name));
    boxes.push(box);
  }
  const depth = Math.max(...places.map((place) => place.row));
  for (const [i, place] of places.entries())
    boxes[i].className = place.row === depth ? "across" : place.side;
  group.style.gridTemplateColumns = `repeat(${column + 1}, minmax(0, 1fr))`;
  group.append(lines(places, column + 1, depth + 1), ...boxes);
  arrows(group);
  choosePart(places[Math.min(1, places.length - 1)].name);
}

function lines(places, columns, rows) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = (from, to, kind) => {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const at = ({ column, row }) => `${column + 0.5} ${row + 0.5}`;
    path.setAttribute("d", `M${at(from)}L${at(to)}`);
    path.setAttribute("class", kind);
    svg.append(path);
  };
  svg.setAttribute("viewBox", `0 0 ${columns} ${rows}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  for (const [i, place] of places.entries()) {
    const next = places[i + 1];
    if (next) line(place, next, "way");
    if (next && next.row > place.row) // it is halved next, so what it made crosses over as a skip
      line(place, places.find((p, j) => j > i && p.row === place.row && p.side === "up"), "skip");
  }
  return svg;
}

function showThumbnails() {
  const boxes = $("the-u").querySelectorAll("button");
  for (const [i, { data, shape: [C, H, W] }] of parts().entries()) {
    const mean = new Float32Array(H * W), canvas = boxes[i].firstChild;
    data.forEach((v, j) => (mean[j % (H * W)] += v / C));
    const most = mean.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
    [canvas.width, canvas.height] = [W, H];
    paintMap(canvas.getContext("2d"), mean, 0, H, W, most, 0, 0);
  }
}

function choosePart(name) {
  inner = name;
  const boxes = [...$("the-u").querySelectorAll("button")];
  press(boxes, boxes.find((box) => box.title === name));
  const names = maps.filter((m) => inside(m.name, name)).map((m) => m.name);
  const chips = names.length ? [...names, name].map((full) => {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.textContent = full === name ? "output" : full.slice(name.length + 1);
    chip.addEventListener("click", () => {
      inner = full;
      press(chips, chip);
      showMaps();
    });
    return chip;
  }) : [];
  press(chips, chips.at(-1));
  $("inner").replaceChildren(...chips);
  $("inner").hidden = !chips.length;
  showMaps();
}

function showMaps() {
  const found = maps.find(({ name }) => name === inner);
  const { data, shape: [C, H, W] } = found, canvas = $("maps");
  const most = data.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
  const scale = Math.max(1, Math.floor(H === 1 ? 12 : (H >= 16 ? 48 : 40) / H)), gap = 1;
  const room = Math.max(1, Math.floor($("maps").parentNode.clientWidth - 32) / scale);
  const columns = Math.max(1, Math.min(C, 16, Math.floor(room / (W + gap))));
  canvas.width = columns * (W + gap) - gap;
  canvas.height = Math.ceil(C / columns) * (H + gap) - gap;
  canvas.style.width = `${canvas.width * scale}px`;
  const context = canvas.getContext("2d");
  for (let c = 0; c < C; c++)
    paintMap(context, data, c * H * W, H, W, most,
      (c % columns) * (W + gap), Math.floor(c / columns) * (H + gap));
  const [low, high] = [data.reduce((a, b) => Math.min(a, b)), data.reduce((a, b) => Math.max(a, b))];
  const shown = H === 1 ? `a vector of ${C} numbers` : `${plural(C, "channel")} of ${H} × ${W}`;
  $("maps-title").innerHTML = "<code></code>, ";
  $("maps-title").firstChild.textContent = inner;
  $("maps-title").append(shown);
  canvas.ariaLabel = `${inner}: ${shown}, values from ${low.toFixed(2)} to ${high.toFixed(2)}`;
  [$("scale-low").textContent, $("scale-high").textContent] = [`−${most.toFixed(1)}`, most.toFixed(1)];
}

// --- play a slider -------------------------------------------------------------------------------

function player(button, slider, name, milliseconds) {
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = `Play ${name}`;
  };
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (slider.value === slider.max) move(slider, slider.min);
    button.textContent = "Stop";
    timer = setInterval(() => {
      if (slider.value === slider.max) return stop();
      move(slider, Number(slider.value) + 1);
    }, milliseconds);
  });
  slider.addEventListener("pointerdown", stop);
  slider.addEventListener("keydown", stop);
}

function move(slider, value) {
  slider.value = value;
  slider.dispatchEvent(new Event("input"));
}

// --- mend ----------------------------------------------------------------------------------------

const sketch = new Float32Array(PIXELS).fill(-1);
const STROKES = { // an unfinished 3, in sixteenths of the paper
  3: [[[4, 4], [6, 2], [9, 2], [11, 4], [10, 6], [7, 8]], [[8, 8], [11, 9], [12, 11], [11, 13]]],
};
let mendSeed = newSeed(), pen = 1, cursor = [8, 8], drawing = null;

// A pen of about one pixel in sixteen, with a soft edge, as in the pictures that it learned from.
function dot(x, y, value = pen) {
  const reach = size / 16;
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++) {
      const far = Math.hypot(column + 0.5 - x, row + 0.5 - y) / reach;
      const ink = Math.min(1, Math.max(0, 1.5 - far));
      for (let c = 0; c < channels; c++) {
        const at = (c * size + row) * size + column;
        const wanted = value * (value > 0 ? 2 * ink - 1 : 1);
        if (value > 0) sketch[at] = Math.max(sketch[at], wanted);
        else if (ink > 0.4) sketch[at] = -1;
      }
    }
}

function stroke([x0, y0], [x1, y1]) {
  const n = Math.ceil(4 * Math.hypot(x1 - x0, y1 - y0)) || 1;
  for (let i = 0; i <= n; i++) dot(x0 + ((x1 - x0) * i) / n, y0 + ((y1 - y0) * i) / n);
}

function paperPoint(event) {
  const { left, top, width, height } = $("sketch").getBoundingClientRect();
  return [((event.clientX - left) / width) * size, ((event.clientY - top) / height) * size];
}

function badExample() {
  sketch.fill(-1);
  for (const line of STROKES[3])
    for (const [i, to] of line.slice(1).entries())
      stroke(...[line[i], to].map((point) => point.map((v) => ((v + 0.5) * size) / 16)));
  mend();
}

function mend() {
  paint($("sketch"), sketch);
  const strength = $("strength").value / 100, label = classes ? Number($("mend-as").value) : 0;
  $("strength-shown").textContent = percent(strength);
  if (!inSight.has("mend")) return;
  const noise = gaussian(mendSeed), pictures = [{ index: 0, noise, label, sketch }];
  $("mend-status").textContent = "";
  const message = { job: "draw", pictures, evaluations: evaluations(), strength };
  ask("mend", message, ({ done, number, step }) => {
    if (done) $("mend-status").textContent = "Repaired.";
    else {
      if (number === 0) paint($("mixed"), step.seen);
      paint($("mended"), step.xt);
    }
  });
}

function setUpPaper() {
  const paper = $("paper");
  const place = () => {
    const [x, y] = cursor;
    $("cursor").style.cssText =
      `left:${(100 * x) / size}%;top:${(100 * y) / size}%;width:${100 / size}%;height:${100 / size}%`;
  };
  paper.addEventListener("pointerdown", (event) => {
    paper.setPointerCapture(event.pointerId);
    drawing = paperPoint(event);
    dot(...drawing);
    mend();
  });
  paper.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    const to = paperPoint(event);
    stroke(drawing, to);
    drawing = to;
    mend();
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
    paper.addEventListener(end, () => (drawing = null));
  paper.addEventListener("keydown", (event) => {
    const by = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    const wipes = event.key === "Delete" || event.key === "Backspace";
    if (!by && !wipes && event.key !== " ") return;
    event.preventDefault();
    if (by) cursor = cursor.map((v, i) => Math.min(size - 1, Math.max(0, v + by[i])));
    else dot(cursor[0] + 0.5, cursor[1] + 0.5, wipes ? -1 : pen);
    place();
    const ink = sketch[cursor[1] * size + cursor[0]] > 0 ? "painted" : "empty";
    $("paper-told").textContent = `Row ${cursor[1] + 1}, column ${cursor[0] + 1}: ${ink}.`;
    if (!by) mend();
  });
  $("paper-told").setAttribute("aria-live", "polite");
  place();
}

// --- walk ----------------------------------------------------------------------------------------

let frames = [];

function walk() {
  const [from, to] = [gaussian(newSeed()), gaussian(newSeed())];
  const own = anyLabel(); // both ends have the same
  frames = Array.from({ length: FRAMES }, (_, i) => ({ noise: slerp(from, to, i / (FRAMES - 1)), own }));
  drawWalk();
}

function drawWalk() {
  if (!frames.length) return;
  for (const frame of frames) frame.drawn = null;
  // The ends first, then halves of halves: soon there is something everywhere.
  const order = [0, 14, 7, 3, 11, 1, 5, 9, 13, 2, 4, 6, 8, 10, 12];
  const label = labelOf(frames[0]);
  const pictures = order.map((index) => ({ index, noise: frames[index].noise, label }));
  const strip = $("strip");
  [strip.width, strip.height] = [FRAMES * (size + 1) - 1, size];
  $("walk-status").textContent = "";
  showFrame();
  ask("walk", { job: "draw", pictures, evaluations: evaluations() }, ({ done, index, step }) => {
    if (done) return ($("walk-status").textContent = "The walk is drawn.");
    frames[index].drawn = step.xt;
    strip.getContext("2d").putImageData(imageOf(step.xt), index * (size + 1), 0);
    if (index === Number($("way").value)) showFrame();
  });
}

function showFrame() {
  if (!frames.length) return; // nobody has been here yet
  const at = Number($("way").value);
  paint($("between"), frames[at].drawn ?? frames[at].noise);
  const share = percent(at / (FRAMES - 1));
  $("way-shown").textContent = share;
  $("between-told").textContent =
    at === 0 ? "The first" : at === FRAMES - 1 ? "The second" : `${share} of the way to the second`;
  $("between").ariaLabel = $("between-told").textContent;
}

// --- begin ---------------------------------------------------------------------------------------

const inSight = new Set(); // sections that have been seen: until then they cost nothing
const WHEN_SEEN = { follow: showStep, mend, walk };

function begin() {
  const trained = Object.entries(kept.weights).filter(([name]) => !name.includes("running_"));
  const numbers = trained.reduce((n, [, { data }]) => n + data.length, 0);
  $("parameters").textContent = numbers.toLocaleString("en");
  if (!$("course").getAttribute("href")) $("course").remove();
  if (classes) {
    const names = [[UNASKED, classes], ...about.labels.map((name, i) => [name, i])];
    choices($("ask"), "label", names, (label) => {
      asked = label;
      redraw();
      drawWalk();
    });
    for (const [text, value] of names)
      $("mend-as").append(new Option(value === classes ? "anything" : text, value));
    $("ask").hidden = $("ask-mend").hidden = false;
  }
  for (const [n, recognised, distance] of about.figures) {
    const row = $("figures").querySelector("tbody").insertRow();
    row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: n }));
    row.insertCell().textContent = recognised === null ? "–" : percent(recognised);
    row.insertCell().textContent = distance === null ? "–" : distance.toFixed(1);
    $("figures").hidden = false;
  }
  $("evaluations").value = enough();
  showEvaluations();
  document.querySelector("main").hidden = false;
  $("again").addEventListener("click", newPictures);
  $("evaluations").addEventListener("input", () => {
    showEvaluations();
    redraw();
    mend();
    drawWalk();
  });
  $("step").addEventListener("input", showStep);
  player($("play-steps"), $("step"), "the steps", 250);
  setUpPaper();
  $("strength").addEventListener("input", mend);
  $("mend-as").addEventListener("change", mend);
  $("erase").addEventListener("click", () => {
    pen = -pen;
    $("erase").setAttribute("aria-pressed", String(pen < 0));
  });
  $("clear").addEventListener("click", () => {
    sketch.fill(-1);
    mend();
  });
  $("example").addEventListener("click", badExample);
  $("other-noise").addEventListener("click", () => {
    mendSeed = newSeed();
    mend();
  });
  $("way").addEventListener("input", showFrame);
  player($("play-walk"), $("way"), "the walk", 220);
  $("other-ends").addEventListener("click", walk);
  addEventListener("resize", () => maps.length && showMaps());

  press(tiles, tiles[0]);
  newPictures();
  badExample();
  const watch = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries)
      if (isIntersecting && !inSight.has(target.id)) {
        inSight.add(target.id);
        WHEN_SEEN[target.id]();
      }
  });
  for (const id of Object.keys(WHEN_SEEN)) watch.observe($(id));
}

// The fewest evaluations that are nearly as good as the best, where that was measured.
function enough() {
  const best = Math.max(...about.figures.map(([, recognised]) => recognised ?? 0));
  const good = about.figures.find(([n, recognised]) => n > 1 && recognised >= best - 0.03);
  return Math.min(50, best ? good?.[0] ?? 16 : 16);
}

begin();
})();
