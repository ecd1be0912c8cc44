/** The page: what the user chooses, what is shown, and the questions to the worker. */

import { ask, tell, whenBroken } from "./asking.js";
import { complain, element, reason, say } from "./dom.js";
import { drawPeople } from "./drawing.js";
import { save, toCsv, toJson } from "./files.js";
import { Film } from "./film.js";
import { canBeKept, keepPage } from "./keeping.js";
import { Figures } from "./figures.js";

/** @import {Found, Manifest, Skeleton} from "./types.js" */

const MOST_PIXELS = 50_000_000; // of a picture, as for leanpose serve
const LEAST_SIDE = 480; // of the canvas' longer side, so that lines on small pictures are no blocks
const MOST_FRAMES = 50_000; // kept for the download: half an hour at 28 a second

const view = element("view", HTMLCanvasElement);
const canvas = /** @type {CanvasRenderingContext2D} */ (view.getContext("2d", { alpha: false }));
const video = element("video", HTMLVideoElement);
const modelChoice = element("model", HTMLSelectElement);
const skeletonChoice = element("skeleton", HTMLSelectElement);
const personScore = element("person-score", HTMLInputElement);
const jointScore = element("joint-score", HTMLInputElement);
const cameraButton = element("camera", HTMLButtonElement);
const everyFrame = element("every-frame", HTMLInputElement);
const pauseButton = element("pause", HTMLButtonElement);
const [pictureInput, movieInput] = ["pictures", "movie"].map((id) => element(id, HTMLInputElement));
const [jsonButton, csvButton] = ["json", "csv"].map((id) => element(id, HTMLButtonElement));
const figures = new Figures(element("figures", HTMLTableSectionElement));

/** @type {Manifest} */
let manifest;
/** @type {Found[]} of the pictures or the video, for the download */
let results = [];
/** @type {Found | null} */
let latest = null;
/** @type {ImageBitmap | HTMLVideoElement | null} what is drawn below the people */
let backdrop = null;
/** @type {File[]} */
let pictures = [];
/** @type {string | null} */
let source = null;
let turn = 0; // of sources: answers to earlier ones are no longer wanted
let enlarged = 1; // canvas pixels for each of the picture's
let busy = false;
let looking = Promise.resolve(); // at frames
let lastTime = -1; // of the frame that was looked at last
/** @type {{bitmap: ImageBitmap, time: number}[]} frames that wait: the newest, or all that are to be looked at */
const grabbed = [];
let frame = 0;

function currentModel() {
  return /** @type {Manifest["models"][number]} */ (manifest.models.find((one) => one.name === modelChoice.value));
}

/** @returns {Skeleton} */
function currentSkeleton() {
  return manifest.skeletons.find((one) => one.name === skeletonChoice.value) ?? currentModel().card.skeleton;
}

async function loadModel() {
  enable(false);
  say(`Loading ${modelChoice.value} …`);
  const answer = await ask({ kind: "load", manifest, model: modelChoice.value });
  if (answer.kind !== "ready") {
    say("");
    complain(`The networks cannot be loaded: ${answer.kind === "failed" ? answer.message : "no answer"}`);
    modelChoice.disabled = false;
    return false;
  }
  tell({ kind: "threshold", value: Number(personScore.value) });
  element("threads", HTMLParagraphElement).textContent = threadsInWords(answer.threads);
  const { file } = currentModel();
  keepPage([...manifest.runtime, manifest.detector.file, file]).catch((error) => console.warn("not kept:", error));
  enable(true);
  say(`Ready: ${answer.model}.`);
  return true;
}

/** @param {number} threads */
function threadsInWords(threads) {
  if (threads > 1) return `${threads} threads`;
  if (self.crossOriginIsolated) return "1 thread";
  if (!self.isSecureContext) return "1 thread: browsers give more over https, and to pages of this machine.";
  if (canBeKept()) return "1 thread: load the page again for more.";
  return "1 thread: this page was served without the headers COOP and COEP, which browsers want before they give more.";
}

/** @param {boolean} whether */
function enable(whether) {
  for (const control of [cameraButton, pictureInput, movieInput, modelChoice, skeletonChoice])
    control.disabled = !whether;
}

function redraw() {
  if (!backdrop) return;
  canvas.setTransform(enlarged, 0, 0, enlarged, 0, 0);
  canvas.drawImage(backdrop, 0, 0, view.width / enlarged, view.height / enlarged);
  if (latest)
    drawPeople(canvas, latest, currentModel().card.skeleton.joints, currentSkeleton(), Number(jointScore.value));
}

/** @param {ImageBitmap | HTMLVideoElement} image @param {number} width @param {number} height */
function show(image, width, height) {
  if (backdrop instanceof ImageBitmap && backdrop !== image) backdrop.close();
  enlarged = Math.max(1, Math.ceil(LEAST_SIDE / Math.max(width, height)));
  if (view.width !== width * enlarged || view.height !== height * enlarged) {
    [view.width, view.height] = [width * enlarged, height * enlarged];
  }
  backdrop = image;
  element("hint", HTMLParagraphElement).hidden = true;
  redraw();
}

/** @param {Found} found */
function keep(found) {
  latest = found;
  if (results.length < MOST_FRAMES) results.push(found);
  if (results.length === MOST_FRAMES) complain(`${MOST_FRAMES} frames are kept for the download, and no more.`);
  jsonButton.disabled = csvButton.disabled = false;
  view.ariaLabel = `${found.source ?? "Camera"}: ${people(found)}`;
}

/** @param {Found} found */
function people(found) {
  const count = found.people.length;
  return count === 0 ? "nobody found" : count === 1 ? "1 person" : `${count} people`;
}

/** Forget the source before, for another. */
function begin() {
  turn += 1;
  film.stop();
  if (backdrop instanceof ImageBitmap) backdrop.close();
  [results, latest, backdrop, pictures, source, frame] = [[], null, null, [], null, 0];
  lastTime = -1;
  forgetGrabbed();
  jsonButton.disabled = csvButton.disabled = true;
  cameraButton.textContent = "Start camera";
  pauseButton.hidden = true;
  pauseButton.textContent = "Pause";
  pauseButton.ariaPressed = "false";
  complain("");
  figures.clear();
  tell({ kind: "restart" });
  return turn;
}

const film = new Film(video, lookAtFrame, async () => {
  const mine = turn;
  await looking.catch(() => undefined);
  if (mine !== turn) return;
  say(`${source}: ended, ${results.length} frames were looked at.`);
  pauseButton.hidden = true;
});

/**
 * Draws the frame that plays, and has it looked at when the one before is done, if it is still the newest by then.
 *
 * @param {number} time seconds
 */
async function lookAtFrame(time) {
  show(video, video.videoWidth, video.videoHeight);
  const mine = turn;
  const every = everyFrame.checked && film.address !== "";
  const held = every && !video.paused;
  if (held) video.pause(); // until this one is done
  try {
    const bitmap = await createImageBitmap(video);
    if (mine !== turn) return bitmap.close();
    if (!every) forgetGrabbed();
    grabbed.push({ bitmap, time });
    if (!busy) looking = lookAtGrabbed(mine);
    await looking;
  } catch (error) {
    if (mine === turn) complain(reason(error));
  }
  if (held && mine === turn && pauseButton.ariaPressed === "false") await film.goOn();
}

/** @param {number} mine */
async function lookAtGrabbed(mine) {
  busy = true;
  try {
    for (let next = grabbed.shift(); next; next = grabbed.shift()) {
      const { bitmap, time } = next;
      if (time === lastTime) continue;
      if (time < lastTime) tell({ kind: "restart" }); // somebody wound it back
      lastTime = time;
      const answer = await ask({ kind: "frame", bitmap, source, frame: frame++, time }, [bitmap]);
      if (mine !== turn) return;
      if (answer.kind !== "found") throw new Error(answer.kind === "failed" ? answer.message : "no answer");
      keep(answer.found);
      figures.add(answer.found.stages, true);
      redraw();
    }
  } finally {
    busy = false;
  }
}

function forgetGrabbed() {
  for (const { bitmap } of grabbed.splice(0)) bitmap.close();
}

/** @param {File[]} files */
async function lookAtPictures(files) {
  const mine = begin();
  pictures = files;
  const broken = [];
  for (const [number, file] of files.entries()) {
    say(files.length > 1 ? `${file.name}: ${number + 1} of ${files.length} …` : `${file.name} …`);
    try {
      const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
      const { width, height } = bitmap;
      if (width * height > MOST_PIXELS)
        throw new Error(`is ${width} x ${height}: over ${MOST_PIXELS / 1e6} million pixels`);
      const copy = await createImageBitmap(bitmap);
      const answer = await ask({ kind: "picture", bitmap, source: file.name }, [bitmap]);
      if (mine !== turn) return;
      if (answer.kind !== "found") throw new Error(answer.kind === "failed" ? answer.message : "no answer");
      keep(answer.found);
      figures.add(answer.found.stages, false);
      show(copy, width, height);
    } catch (error) {
      if (mine !== turn) return;
      const unread = error instanceof DOMException ? "is no picture that this browser reads" : reason(error);
      broken.push(`${file.name}: ${unread}`);
    }
  }
  if (broken.length) complain(broken.join("; "));
  const last = results.at(-1);
  if (!last) say("");
  else if (results.length > 1) {
    const all = results.reduce((sum, one) => sum + one.people.length, 0);
    say(`${results.length} pictures, ${all} people. Shown: ${last.source}.`);
  } else say(`${last.source}: ${people(last)}.`);
}

/** @param {File} file */
async function lookAtMovie(file) {
  const mine = begin();
  source = file.name;
  say(`${file.name} …`);
  pauseButton.hidden = false;
  try {
    await film.file(file);
  } catch (error) {
    if (mine !== turn) return;
    begin();
    say("");
    complain(`${file.name}: is no video that this browser plays (${reason(error)})`);
  }
}

async function toggleCamera() {
  const running = film.stream !== null;
  const kept = { results, latest };
  const mine = begin();
  if (running) {
    [results, latest] = [kept.results, kept.latest];
    jsonButton.disabled = csvButton.disabled = !results.length;
    return say(`Camera stopped after ${results.length} frames.`);
  }
  say("Waiting for the camera …");
  try {
    await film.camera();
    if (mine !== turn) return;
    cameraButton.textContent = "Stop camera";
    say("The camera is on.");
  } catch (error) {
    if (mine !== turn) return;
    say("");
    complain(`No camera: ${reason(error)}`);
  }
}

/** @param {Iterable<File>} files */
function take(files) {
  const all = [...files];
  const movie = all.find((file) => file.type.startsWith("video/"));
  const images = all.filter((file) => !file.type.startsWith("video/"));
  if (movie && images.length === 0) void lookAtMovie(movie);
  else if (images.length) void lookAtPictures(images);
}

/** @param {"json" | "csv"} kind */
function download(kind) {
  const joints = currentModel().card.skeleton.joints;
  const text = (kind === "json" ? toJson : toCsv)(results, joints, currentSkeleton());
  const stem = (results[0]?.source ?? "camera").replace(/\.[^.]*$/, "");
  save(
    text,
    kind === "json" ? "application/json" : "text/csv",
    `${results.length > 1 && pictures.length ? "pictures" : stem}.${kind}`,
  );
}

/** @param {HTMLInputElement} slider */
function showValue(slider) {
  element(`${slider.id}-value`, HTMLOutputElement).textContent = Number(slider.value).toFixed(2);
}

function listen() {
  whenBroken((message) => complain(`The networks cannot be run here: ${message}`));
  cameraButton.addEventListener("click", toggleCamera);
  for (const [input, look] of /** @type {const} */ ([
    [pictureInput, take],
    [movieInput, take],
  ])) {
    input.addEventListener("change", () => {
      look(input.files ?? []);
      input.value = ""; // so that the same file can be chosen again
    });
  }
  pauseButton.addEventListener("click", () => {
    const pausing = pauseButton.ariaPressed === "false";
    if (pausing) video.pause();
    else void film.goOn();
    pauseButton.textContent = pausing ? "Go on" : "Pause";
    pauseButton.ariaPressed = String(pausing);
  });
  modelChoice.addEventListener("change", async () => {
    if (!(await loadModel())) return;
    if (pictures.length) void lookAtPictures(pictures);
    else if (film.running)
      [results, latest] = [[], null]; // what was found has the joints of the model before
    else begin();
  });
  skeletonChoice.addEventListener("change", redraw);
  personScore.addEventListener("input", () => showValue(personScore));
  personScore.addEventListener("change", () => {
    tell({ kind: "threshold", value: Number(personScore.value) });
    if (pictures.length) void lookAtPictures(pictures);
  });
  jointScore.addEventListener("input", () => {
    showValue(jointScore);
    redraw();
  });
  jsonButton.addEventListener("click", () => download("json"));
  csvButton.addEventListener("click", () => download("csv"));
  const stage = element("frame", HTMLDivElement);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    stage.classList.add("dragged");
  });
  document.addEventListener("dragleave", () => stage.classList.remove("dragged"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    stage.classList.remove("dragged");
    if (!cameraButton.disabled) take(event.dataTransfer?.files ?? []);
  });
}

/** @param {HTMLSelectElement} select @param {string} value @param {string} text */
function offer(select, value, text) {
  select.add(new Option(text, value));
}

async function main() {
  const response = await fetch("manifest.json");
  if (!response.ok) throw new Error(`manifest.json: ${response.status}; write the page with leanpose export --web DIR`);
  manifest = await response.json();
  for (const { name, megabytes } of manifest.models) offer(modelChoice, name, `${name} (${megabytes.toFixed(1)} MB)`);
  for (const { name, joints } of manifest.skeletons) offer(skeletonChoice, name, `${name} (${joints.length} joints)`);
  skeletonChoice.value = manifest.models[0].card.skeleton.name;
  personScore.value = String(manifest.detector.card.threshold);
  [personScore, jointScore].forEach(showValue);
  element("version", HTMLSpanElement).textContent = `leanpose ${manifest.version}`;
  const cards = element("cards", HTMLSpanElement);
  for (const { name, file } of [...manifest.models, manifest.detector]) {
    const link = Object.assign(document.createElement("a"), { href: file.replace(/onnx$/, "json"), textContent: name });
    cards.append(...(cards.childNodes.length ? [", "] : ["their cards: "]), link);
  }
  listen();
  await loadModel();
}

main().catch((error) => {
  say("");
  complain(reason(error));
});
