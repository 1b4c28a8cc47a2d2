"use strict";
/* What one sees and can do. Every network evaluation is asked of a worker (worker.js). */
(() => {
const $ = (id) => document.getElementById(id);
// On the front page of the course's site, in a frame, drawing is all there is.
const framed = document.body.classList.toggle("framed", location.search === "?framed");
const COUNT = 16, FRAMES = 15;
const { network: kept, about } = readContent();
const settings = kept.settings, { size, in_ch: channels, classes } = settings;
const PIXELS = channels * size * size, BLACK = new Float32Array(PIXELS).fill(-1);

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

function stopAll() {
  receivers.clear();
  for (const worker of workers) worker.postMessage({});
}

// --- chance and pictures -------------------------------------------------------------------------

const gaussian = () => Float32Array.from({ length: PIXELS }, () =>
  Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()));

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

const largest = (values) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-9);

function paintMap(canvas, data, H, W, limit) {
  const image = new ImageData(W, H);
  for (let i = 0; i < H * W; i++) image.data.set([...signedColour(data[i] / limit), 255], 4 * i);
  [canvas.width, canvas.height] = [W, H];
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// --- small helpers -------------------------------------------------------------------------------

const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
const percent = (share) => `${Math.round(100 * share)}%`;
const make = (kind, properties) => Object.assign(document.createElement(kind), properties);
const between = (least, value, most) => Math.min(most, Math.max(least, value));

// What a slider's place means, to see and to hear.
function say(slider, text) {
  $(`${slider}-shown`).textContent = $(slider).ariaValueText = text;
}

// How far a section has got is only seen; that it is done is told to a screen reader as well.
function tell(section, status, progress = "") {
  const place = document.querySelector(`#${section} [role="status"]`);
  [place.textContent, place.nextSibling.textContent] = [status, progress];
}

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
let evaluations = 0, began = 0, finished = 0, chosen = 0;
let asked = classes; // no label: then each picture has one of its own
const tiles = Array.from({ length: COUNT }, (_, i) => {
  const tile = make("button", { type: "button", onclick: () => choose(i) });
  tile.append(make("canvas", { className: "pixels" }));
  return tile;
});
$("grid").append(...tiles);
arrows($("grid"), () => getComputedStyle($("grid")).gridTemplateColumns.split(" ").length);

function newPictures() {
  pictures = Array.from({ length: COUNT }, () => ({ noise: gaussian(), own: anyLabel() }));
  redraw();
}

const anyLabel = () => Math.floor(Math.random() * classes);
const labelOf = ({ own }) => (asked === classes ? own : asked);

// Draw the same noises with the evaluations, and the label, that are asked for now.
function redraw() {
  const wanted = pictures.map((picture, index) => {
    picture.steps = [];
    paint(tiles[index].firstChild, picture.noise);
    tiles[index].ariaLabel = `Picture ${index + 1} of ${COUNT}, not drawn yet`;
    return { index, noise: picture.noise, label: labelOf(picture) };
  });
  [evaluations, began, finished] = [Number($("evaluations").value), performance.now(), 0];
  tell("draw", "", "Drawing …");
  for (const [w, worker] of workers.entries()) {
    const share = wanted.filter(({ index }) => index % workers.length === w);
    ask(`grid ${w}`, { job: "draw", pictures: share, evaluations }, receiveStep, worker);
  }
  $("step").max = evaluations;
  $("step").disabled = $("play-steps").disabled = evaluations === 1;
  showStep(1);
}

function receiveStep({ done, index, number, step }) {
  if (done) return;
  pictures[index].steps.push(step);
  paint(tiles[index].firstChild, step.xt);
  if (index === chosen) showStep(Number($("step").value));
  if (number + 1 < evaluations) return;
  tiles[index].ariaLabel = `Picture ${index + 1} of ${COUNT}: follow it step by step`;
  if (++finished < COUNT) return tell("draw", "", `Drawing: ${finished} of ${COUNT} …`);
  const seconds = (performance.now() - began) / 1000, rate = COUNT / seconds;
  tell("draw", `${COUNT} ${about.draws} in ${seconds.toFixed(1)} s: ` +
    `${rate.toFixed(rate < 10 ? 1 : 0)} a second, ${plural(evaluations, "evaluation")} each.`);
}

function showEvaluations() {
  const wanted = Number($("evaluations").value), rows = about.figures;
  say("evaluations", plural(wanted, "evaluation"));
  if (!rows.length) return;
  const distance = ([n]) => Math.abs(Math.log(n / wanted));
  const [n, recognised] = rows.reduce((best, row) => (distance(row) < distance(best) ? row : best));
  const where = n === wanted ? `With ${n}` : `At ${n}, the nearest that was measured`;
  $("quality").textContent = recognised === null ? "" :
    `${where}, a second network recognises ${percent(recognised)} of its pictures.`;
  for (const row of $("figures").querySelectorAll("tbody tr"))
    row.classList.toggle("now", Number(row.firstChild.textContent) === n);
}

// The slider was moved. What is being drawn has another number of steps, so it stops at once; the
// rest waits until the slider rests.
let resting = null;
function changeEvaluations() {
  showEvaluations();
  stopAll();
  tell("draw", "", "…");
  clearTimeout(resting);
  resting = setTimeout(() => {
    redraw();
    renew("mend");
    renew("walk");
  }, 150);
}

// --- follow --------------------------------------------------------------------------------------

let maps = [], inner = null, mapsOf = null;

function choose(i) {
  if (framed) return open(location.href.replace(location.search, ""), "_blank");
  chosen = i;
  press(tiles, tiles[i]);
  showStep(1);
  $("follow").scrollIntoView({ block: "start" });
}

function showStep(wanted) {
  const { steps, noise } = pictures[chosen], number = between(1, wanted, steps.length || 1);
  const step = steps[number - 1];
  $("step").value = number; // not beyond what is drawn
  paint($("seen"), step?.seen ?? noise);
  paint($("guess"), step?.x0 ?? BLACK);
  const time = step && (settings.predicts === "straight" ? step.t.toFixed(2) : step.t);
  say("step", step ? `${number} of ${evaluations}, t = ${time}` : "…");
  $("seen").ariaLabel = `What the network sees of picture ${chosen + 1} at step ${number}`;
  $("guess").ariaLabel = `The finished picture that it guesses at step ${number}`;
  renew("follow");
}

function lookInside() {
  const step = pictures[chosen].steps[$("step").value - 1];
  if (!step || mapsOf === step) return;
  mapsOf = step;
  const { seen, told } = step, label = labelOf(pictures[chosen]);
  ask("maps", { job: "maps", seen, told, label }, ({ maps: made }) => {
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
  let [column, row] = [0, 0], rising = false;
  for (const { name, shape: [C, H] } of parts()) {
    const level = Math.round(Math.log2(size / H)), before = places.at(-1);
    if (before && level === row) column++;
    rising ||= before && level < row;
    row = level;
    places.push({ name, column, row, rising });
    const ariaLabel = `${name}: ${plural(C, "channel")} of ${H} by ${H}`;
    const box = make("button", { type: "button", title: name, ariaLabel });
    box.onclick = () => choosePart(name);
    box.style.gridArea = `${row + 1} / ${column + 1}`;
    box.append(make("canvas", { className: "pixels" }), make("span"));
    box.lastChild.append(C, make("i", { textContent: ` × ${H}²` })); // no room for it on a phone
    boxes.push(box);
  }
  const depth = Math.max(...places.map((place) => place.row));
  group.style.gridTemplateColumns = `repeat(${column + 1}, minmax(0, 1fr))`;
  group.innerHTML = lines(places, column + 1, depth + 1);
  group.append(...boxes);
  arrows(group);
  choosePart(places[Math.min(1, places.length - 1)].name);
}

function lines(places, columns, rows) {
  const at = ({ column, row }) => `${column + 0.5} ${row + 0.5}`;
  const line = (from, to, kind) => `<path class="${kind}" d="M${at(from)}L${at(to)}"/>`;
  const paths = places.slice(1).map((next, i) => {
    const place = places[i], halved = next.row > place.row; // then its output crosses as a skip
    const other = halved && places.find((p, j) => j > i && p.row === place.row && p.rising);
    return line(place, next, "way") + (other ? line(place, other, "skip") : "");
  });
  return `<svg viewBox="0 0 ${columns} ${rows}" preserveAspectRatio="none" aria-hidden="true">` +
    `${paths.join("")}</svg>`;
}

// Of each part the channel that varies most, without its average.
function showThumbnails() {
  const boxes = $("the-u").querySelectorAll("button");
  for (const [i, { data, shape: [C, H, W] }] of parts().entries()) {
    const all = Array.from({ length: C }, (_, c) => {
      const channel = data.subarray(c * H * W, (c + 1) * H * W);
      const mean = channel.reduce((sum, v) => sum + v) / (H * W);
      return channel.map((v) => v - mean);
    });
    const energies = all.map((channel) => channel.reduce((sum, v) => sum + v * v, 0));
    const strongest = all[energies.indexOf(Math.max(...energies))];
    paintMap(boxes[i].firstChild, strongest, H, W, largest(strongest));
  }
}

// The last part of a tensor's name, in words.
const PLAIN = { x: "input", conv1: "first convolution", norm1: "first norm", time_proj: "time",
  h: "with the time", conv2: "second convolution", norm2: "second norm", block: "convolutions",
  qkv: "queries, keys, values", proj: "what they found" };

function choosePart(name) {
  inner = name;
  const boxes = [...$("the-u").querySelectorAll("button")];
  press(boxes, boxes.find((box) => box.title === name));
  const names = maps.filter((m) => inside(m.name, name)).map((m) => m.name);
  const chips = names.length ? [...names, name].map((full) => {
    const last = full.split(".").at(-1);
    const textContent = full === name ? "output" : PLAIN[last] ?? last;
    const chip = make("button", { type: "button", textContent, onclick: () => {
      inner = full;
      press(chips, chip);
      showMaps();
    } });
    return chip;
  }) : [];
  press(chips, chips.at(-1));
  $("inner").replaceChildren(...chips);
  $("inner").hidden = !chips.length;
  showMaps();
}

// All channels of a tensor, as large as they fit into the room, which stays as it is.
function showMaps() {
  const { data, shape: [C, H, W] } = maps.find(({ name }) => name === inner);
  const canvas = $("maps"), { clientWidth: wide, clientHeight: high } = canvas.parentNode, gap = 3;
  const fit = (tile) => Math.floor((wide + gap) / (tile + gap));
  let tile = H === 1 ? 24 : high;
  while (tile > 12 && Math.ceil(C / fit(tile)) * (tile + gap) > high + gap) tile--;
  tile -= tile > W ? tile % W : 0; // whole pixels
  const columns = Math.min(C, fit(tile)), place = (i) => i * (tile + gap);
  [canvas.width, canvas.height] = [place(columns) - gap, place(Math.ceil(C / columns)) - gap];
  const context = canvas.getContext("2d"), most = largest(data), map = make("canvas");
  Object.assign(context, { imageSmoothingEnabled: false, strokeStyle: "#7f8b9c" });
  for (let c = 0; c < C; c++) {
    const x = place(c % columns), y = place(Math.floor(c / columns));
    paintMap(map, data.subarray(c * H * W, (c + 1) * H * W), H, W, most);
    context.drawImage(map, x, y, tile, tile);
    context.strokeRect(x - 0.5, y - 0.5, tile + 1, tile + 1);
  }
  const [least, greatest] = ["min", "max"].map((end) => data.reduce((a, b) => Math[end](a, b)));
  const shown = H === 1 ? `a vector of ${C} numbers` : `${plural(C, "channel")} of ${H} × ${W}`;
  $("maps-title").replaceChildren(make("code", { textContent: inner }), `, ${shown}`);
  canvas.ariaLabel = `${inner}: ${shown}, values from ${least.toFixed(2)} to ${greatest.toFixed(2)}`;
  [$("scale-low").textContent, $("scale-high").textContent] = [`−${most.toFixed(1)}`, most.toFixed(1)];
}

// --- play a slider -------------------------------------------------------------------------------

// The whole way takes three seconds, but of a few steps each is seen for a while.
function player(button, slider, name) {
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
    }, between(150, 3000 / slider.max, 800));
  });
  slider.addEventListener("pointerdown", stop);
  slider.addEventListener("keydown", stop);
}

function move(slider, value) {
  slider.value = value;
  slider.dispatchEvent(new Event("input"));
}

// --- mend ----------------------------------------------------------------------------------------

const sketch = BLACK.slice();
const STROKES = { // an unfinished 3, in sixteenths of the paper
  3: [[[4, 4], [6, 2], [9, 2], [11, 4], [10, 6], [7, 8]], [[8, 8], [11, 9], [12, 11], [11, 13]]],
};
let mendNoise = gaussian(), pen = 1, cursor = [size >> 1, size >> 1], drawing = null;

// A pen of about one pixel in sixteen, with a soft edge, as in the pictures that it learned from.
function dot(x, y, value = pen) {
  const reach = size / 16;
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++) {
      const far = Math.hypot(column + 0.5 - x, row + 0.5 - y) / reach;
      const ink = between(0, 1.5 - far, 1);
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

function badExample() {
  sketch.fill(-1);
  for (const line of STROKES[3])
    for (const [i, to] of line.slice(1).entries())
      stroke(...[line[i], to].map((point) => point.map((v) => ((v + 0.5) * size) / 16)));
  if (about.labels.includes("3")) $("mend-as").value = about.labels.indexOf("3");
  mend();
}

function mend() {
  paint($("sketch"), sketch);
  $("paper").classList.toggle("empty", sketch.every((v) => v === -1));
  say("strength", percent($("strength").value / 100));
  renew("mend");
}

function repair() {
  if ($("paper").className === "empty") {
    receivers.delete("mend");
    for (const id of ["mixed", "mended"]) paint($(id), BLACK);
    return tell("mend", "Nothing to repair yet.");
  }
  const strength = $("strength").value / 100, label = classes ? Number($("mend-as").value) : 0;
  const pictures = [{ index: 0, noise: mendNoise, label, sketch }];
  tell("mend", "", "Repairing …");
  ask("mend", { job: "draw", pictures, evaluations, strength }, ({ done, number, step }) => {
    if (done) return tell("mend", "Repaired.");
    tell("mend", "", `Repairing: step ${number + 1} of ${evaluations} …`);
    if (number === 0) paint($("mixed"), step.seen);
    paint($("mended"), step.xt);
  });
}

function setUpPaper() {
  const paper = $("paper");
  const place = () => {
    const [x, y] = cursor;
    $("cursor").style.cssText =
      `left:${(100 * x) / size}%;top:${(100 * y) / size}%;width:${100 / size}%;height:${100 / size}%`;
  };
  const draw = (event) => {
    const { left, top, width, height } = $("sketch").getBoundingClientRect();
    const to = [(size * (event.clientX - left)) / width, (size * (event.clientY - top)) / height];
    stroke(drawing ?? to, to);
    drawing = to;
    mend();
  };
  paper.addEventListener("pointerdown", (event) => {
    paper.setPointerCapture(event.pointerId);
    draw(event);
  });
  paper.addEventListener("pointermove", (event) => drawing && draw(event));
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
    paper.addEventListener(end, () => (drawing = null));
  paper.addEventListener("keydown", (event) => {
    const by = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    const wipes = event.key === "Delete" || event.key === "Backspace";
    if (!by && !wipes && event.key !== " ") return;
    event.preventDefault();
    if (by) cursor = cursor.map((v, i) => between(0, v + by[i], size - 1));
    else dot(cursor[0] + 0.5, cursor[1] + 0.5, wipes ? -1 : pen);
    place();
    const ink = sketch[cursor[1] * size + cursor[0]] > 0 ? "painted" : "empty";
    $("paper-told").textContent = `Row ${cursor[1] + 1}, column ${cursor[0] + 1}: ${ink}.`;
    if (!by) mend();
  });
  place();
}

// --- walk ----------------------------------------------------------------------------------------

let frames = [];

/* Half a circle from a noise to its opposite: their pictures differ more than those of any two
noises, and on a circle, all noises on the way are as loud. Both ends have the same label. */
function newWalk() {
  const [from, over] = [gaussian(), gaussian()], own = anyLabel();
  frames = Array.from({ length: FRAMES }, (_, i) => {
    const angle = (Math.PI * i) / (FRAMES - 1);
    const noise = from.map((v, j) => Math.cos(angle) * v + Math.sin(angle) * over[j]);
    return { noise, own };
  });
  [$("strip").width, $("strip").height] = [FRAMES * size, size];
  for (const [i, { noise }] of frames.entries()) fillFrame(i, noise);
  move($("way"), 0);
  renew("walk");
}

function fillFrame(index, pixels) {
  frames[index].shown = pixels;
  $("strip").getContext("2d").putImageData(imageOf(pixels), index * size, 0);
  if (index === Number($("way").value)) showFrame();
}

function drawWalk() {
  // The ends first, then halves of halves: soon there is something everywhere.
  const order = [0, 14, 7, 3, 11, 1, 5, 9, 13, 2, 4, 6, 8, 10, 12];
  const label = labelOf(frames[0]);
  const pictures = order.map((index) => ({ index, noise: frames[index].noise, label }));
  let finished = 0;
  tell("walk", "", "Drawing …");
  ask("walk", { job: "draw", pictures, evaluations }, ({ done, index, number, step }) => {
    if (done) return tell("walk", "The walk is drawn.");
    fillFrame(index, step.xt);
    finished += number + 1 === evaluations;
    tell("walk", "", `Drawing: ${finished} of ${FRAMES} …`);
  });
}

function showFrame() {
  const at = Number($("way").value), share = percent(at / (FRAMES - 1));
  paint($("between"), frames[at].shown);
  say("way", share);
  $("between-told").textContent =
    at === 0 ? "The first" : at === FRAMES - 1 ? "The second" : `${share} of the way to the second`;
  $("between").ariaLabel = $("between-told").textContent;
}

// --- begin ---------------------------------------------------------------------------------------

// What costs evaluations is done for the sections in view; the others wait until they come into it.
const inView = new Set(), waiting = new Set();
const work = { follow: lookInside, mend: repair, walk: drawWalk };

function renew(section) {
  if (inView.has(section)) work[section]();
  else waiting.add(section);
}

function begin() {
  const trained = Object.entries(kept.weights).filter(([name]) => !name.includes("running_"));
  const numbers = trained.reduce((n, [, { data }]) => n + data.length, 0);
  $("parameters").textContent = numbers.toLocaleString("en");
  if (!$("course").getAttribute("href")) $("course").parentNode.remove();
  if (classes) {
    for (const [value, text] of [[classes, "any"], ...about.labels.entries()]) {
      const label = make("label"), checked = value === asked;
      const choice = make("input", { type: "radio", name: "label", value, checked, onchange: () => {
        asked = value;
        redraw();
        renew("walk");
      } });
      label.append(choice, make("span", { textContent: text }));
      $("ask").append(label);
      $("mend-as").append(new Option(value === classes ? "anything" : text, value));
    }
    for (const id of ["ask", "ask-mend", "say-which", "same-label"]) $(id).hidden = false;
  }
  for (const [n, recognised, distance] of about.figures) {
    const row = $("figures").querySelector("tbody").insertRow();
    row.append(make("th", { scope: "row", textContent: n }));
    row.insertCell().textContent = recognised === null ? "–" : percent(recognised);
    row.insertCell().textContent = distance === null ? "–" : distance.toFixed(1);
    $("figures").hidden = false;
  }
  $("evaluations").value = enough();
  showEvaluations();
  document.querySelector("main").hidden = false;
  $("again").addEventListener("click", newPictures);
  $("evaluations").addEventListener("input", changeEvaluations);
  $("step").addEventListener("input", () => showStep(Number($("step").value)));
  player($("play-steps"), $("step"), "the steps");
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
    mendNoise = gaussian();
    mend();
  });
  $("way").addEventListener("input", showFrame);
  player($("play-walk"), $("way"), "the walk");
  $("strip").addEventListener("click", (event) =>
    move($("way"), Math.floor((event.offsetX / $("strip").clientWidth) * FRAMES)));
  $("other-ends").addEventListener("click", newWalk);
  addEventListener("resize", () => maps.length && showMaps());

  press(tiles, tiles[0]);
  newPictures();
  newWalk();
  badExample();
  const watch = new IntersectionObserver((entries) => {
    for (const { target: { id }, isIntersecting } of entries) {
      inView[isIntersecting ? "add" : "delete"](id);
      if (isIntersecting && waiting.delete(id)) work[id]();
    }
  });
  for (const id of Object.keys(work)) watch.observe($(id));
}

// The fewest evaluations, four or more to follow, that are nearly as good as the best measured.
function enough() {
  const best = Math.max(...about.figures.map(([, recognised]) => recognised ?? 0));
  const good = about.figures.find(([n, recognised]) => n >= 4 && recognised >= best - 0.03);
  return Math.min(50, best ? good?.[0] ?? 16 : 16);
}

begin();
})();
