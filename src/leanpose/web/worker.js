/** The networks, away from the page's thread: pixels come in, people go out. */

import { Estimator, PoseTracking } from "./estimator.js";

/** @import {Found, Manifest, Pixels} from "./types.js" */
/** @typedef {typeof import("onnxruntime-web")} Runtime */
/** @typedef {import("onnxruntime-web").InferenceSession} Session */

/**
 * What the page asks for. Pictures are people without ids; frames belong to one video from `restart` on.
 *
 * @typedef {{kind: "load", manifest: Manifest, model: string}
 *     | {kind: "threshold", value: number}
 *     | {kind: "restart"}
 *     | {kind: "picture", bitmap: ImageBitmap, source: string}
 *     | {kind: "frame", bitmap: ImageBitmap, source: string | null, frame: number, time: number}} Question
 */
/**
 * What it answers, one for each question of a picture or frame.
 *
 * @typedef {{kind: "ready", model: string, threads: number}
 *     | {kind: "found", found: Found}
 *     | {kind: "failed", message: string}} Answer
 */

const MOST_THREADS = 4; // more gain little on networks this small
const RUNTIME = new URL("runtime/", import.meta.url).href;

/** @type {Runtime | undefined} */
let runtime;
/** @type {Map<string, Promise<Session>>} */
const sessions = new Map();
/** @type {Estimator | undefined} */
let estimator;
/** @type {PoseTracking | undefined} */
let tracking;
/** @type {OffscreenCanvasRenderingContext2D | null} */
let canvas = null;
/** @type {Promise<void>} */
let queue = Promise.resolve();

self.onmessage = ({ data }) => {
  queue = queue
    .then(() => answer(data))
    .catch((error) => post({ kind: "failed", message: error?.message ?? String(error) }));
};

/** @param {Answer} message */
function post(message) {
  self.postMessage(message);
}

/** @param {Question} question */
async function answer(question) {
  if (question.kind === "load") return load(question.manifest, question.model);
  if (!estimator || !tracking) throw new Error("no model is loaded");
  if (question.kind === "threshold") estimator.threshold = question.value;
  else if (question.kind === "restart") tracking = new PoseTracking(estimator);
  else {
    /** @type {import("./types.js").Stages} */
    const stages = {};
    const started = performance.now();
    const image = pixels(question.bitmap);
    stages.read = performance.now() - started;
    const { width, height } = image;
    if (question.kind === "picture") {
      const people = await estimator.picture(image, stages);
      post({ kind: "found", found: { source: question.source, width, height, people, stages } });
    } else {
      const { source, frame, time } = question;
      const people = await tracking.step(image, time, stages);
      post({ kind: "found", found: { source, frame, time, width, height, people, stages } });
    }
  }
}

/** @param {ImageBitmap} bitmap which is closed @returns {Pixels} */
function pixels(bitmap) {
  const { width, height } = bitmap;
  if (canvas?.canvas.width !== width || canvas?.canvas.height !== height) {
    canvas = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true, alpha: false });
  }
  if (!canvas) throw new Error("this browser gives no canvas to read pixels with");
  canvas.drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.getImageData(0, 0, width, height);
}

/** @param {Manifest} manifest @param {string} name */
async function load(manifest, name) {
  const model = manifest.models.find((one) => one.name === name);
  if (!model) throw new Error(`there is no model ${name}`);
  const [ort, session, detector] = await Promise.all([start(), open(model.file), open(manifest.detector.file)]);
  /** @param {Session} network @param {Float32Array} values @param {number[]} shape */
  const run = async (network, values, shape) => {
    const input = new ort.Tensor("float32", values, shape);
    const outputs = await network.run({ [network.inputNames[0]]: input });
    return /** @type {Float32Array} */ (outputs[network.outputNames[0]].data);
  };
  const [height, width] = model.card.input_hw;
  estimator = new Estimator(
    model.card,
    (crops, count) => run(session, crops, [count, 3, height, width]),
    manifest.detector.card,
    (image, rows, columns) => run(detector, image, [1, 3, rows, columns]),
  );
  tracking = new PoseTracking(estimator);
  await estimator.infer(new Float32Array(3 * height * width), 1); // the first run takes longer
  post({ kind: "ready", model: name, threads: ort.env.wasm.numThreads ?? 1 });
}

/** @returns {Promise<Runtime>} */
async function start() {
  if (!runtime) {
    const ort = /** @type {Runtime} */ (await import(`${RUNTIME}ort.wasm.min.mjs`));
    ort.env.wasm.wasmPaths = RUNTIME;
    ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS) : 1;
    ort.env.logLevel = "error";
    runtime = ort;
  }
  return runtime;
}

/** @param {string} file @returns {Promise<Session>} */
function open(file) {
  const known = sessions.get(file);
  if (known) return known;
  const opening = start().then(async (ort) => {
    const response = await fetch(new URL(file, import.meta.url));
    if (!response.ok) throw new Error(`${file} cannot be loaded: ${response.status} ${response.statusText}`);
    return ort.InferenceSession.create(await response.arrayBuffer(), {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "all",
    });
  });
  sessions.set(file, opening);
  opening.catch(() => sessions.delete(file)); // so that it can be tried again
  return opening;
}
