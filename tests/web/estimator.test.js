import assert from "node:assert/strict";
import { test } from "node:test";

import { Estimator, PoseTracking } from "../../src/leanpose/web/estimator.js";
import { toCsv, toJson } from "../../src/leanpose/web/files.js";
import { assertClose, points } from "./numbers.js";

// A model that finds coloured dots, as `dot_model` of tests/conftest.py: heatmap k is channel k of the crop, each cell
// the mean of 4x4 pixels. Where a dot lies is known without any network.
const [HEIGHT, WIDTH] = [96, 64];
const JOINTS = ["nose", "neck", "head_top"];
const SKELETON = { name: "dots", joints: JOINTS, limbs: [["nose", "neck"]], sigmas: null, torso: ["nose", "neck"] };
const CARD = /** @type {any} */ ({
  name: "dots",
  skeleton: SKELETON,
  input_hw: [HEIGHT, WIDTH],
  sigma: 1.5,
  color: "rgb",
  mean: [0, 0, 0],
  std: [255, 255, 255],
  padding: 1.25,
  stride: 4,
  cell_offset: 0.5,
  calibration: null,
  oks_sigmas: [0.079, 0.079, 0.079],
});
const DETECTOR = /** @type {any} */ ({
  name: "all",
  input_side: 320,
  input_multiple: 64,
  margin: 0.15,
  color: "bgr",
  mean: [0, 0, 0],
  std: [1, 1, 1],
  threshold: 0.4,
  nms_iou: 0.5,
});

/** @param {Float32Array} crops @param {number} count */
async function meansOfCells(crops, count) {
  const [rows, columns] = [HEIGHT / 4, WIDTH / 4];
  const maps = new Float32Array(count * 3 * rows * columns);
  crops.forEach((value, i) => {
    const [plane, v, u] = [Math.floor(i / (HEIGHT * WIDTH)), Math.floor(i / WIDTH) % HEIGHT, i % WIDTH];
    maps[(plane * rows + (v >> 2)) * columns + (u >> 2)] += value / 16;
  });
  return maps;
}

/** @param {number[][]} places of a red, a green and a blue dot @param {number} height @param {number} width */
function dots(places, height, width) {
  const data = new Uint8Array(4 * height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      places.forEach(([atX, atY], channel) => {
        data[4 * (y * width + x) + channel] = 255 * Math.exp(-((x - atX) ** 2 + (y - atY) ** 2) / 72);
      });
    }
  }
  return { data, height, width };
}

/** An estimator whose detector always sees one box, given in image pixels. @param {() => number[]} box */
function estimator(box) {
  return new Estimator(CARD, meansOfCells, DETECTOR, async () => Float32Array.from([...box(), 0.9]));
}

test("joints lie where the dots are", async () => {
  const places = [
    [61.3, 40.8],
    [58.6, 90.2],
    [75.1, 66.4],
  ];
  const image = dots(places, 140, 160);
  const zoom = 320 / (160 * 1.3); // of the detector's picture, 24 px of margin on the left and 21 px above
  const shift = [Math.floor((160 * 0.3 * zoom) / 2), Math.floor((140 * 0.3 * zoom) / 2)];
  const seen = [40, 20, 90, 115].map((v, i) => zoom * (v + 0.5) - 0.5 + shift[i % 2]);
  /** @type {Record<string, number>} */
  const stages = {};
  const [person, ...others] = await estimator(() => seen).picture(image, stages);
  assert.deepEqual(others, []);
  assertClose(person.box, [40, 20, 90, 115], 1e-3);
  assertClose(points(person.keypoints), places, 0.15);
  assert.ok(person.scores.every((score) => score > 0.8));
  assert.deepEqual(Object.keys(stages).sort(), ["crop", "decode", "detect", "infer"]);
});

test("somebody who walks keeps the id, and is looked for without the detector", async () => {
  let looks = 0;
  const at = (/** @type {number} */ frame) => [
    [40 + 2 * frame, 40],
    [38 + 2 * frame, 80],
    [52 + 2 * frame, 60],
  ];
  const zoom = 320 / (160 * 1.3);
  let frame = 0;
  const box = () => {
    looks += 1;
    const [x, y] = [Math.floor((160 * 0.3 * zoom) / 2), Math.floor((140 * 0.3 * zoom) / 2)];
    return [25 + 2 * frame, 20, 70 + 2 * frame, 105].map((v, i) => zoom * (v + 0.5) - 0.5 + (i % 2 ? y : x));
  };
  const tracking = new PoseTracking(estimator(box));
  for (; frame < 20; frame++) {
    const people = await tracking.step(dots(at(frame), 140, 160), frame / 30);
    assert.deepEqual(
      people.map((one) => one.id),
      [1],
    );
    assertClose(points(people[0].keypoints), at(frame), 2.5); // the filter keeps behind by less than a frame and a half
  }
  assert.ok(looks < 10, `${looks} runs of the detector in 20 frames`);
});

const FOUND = {
  source: 'a "b",c.jpg',
  width: 10,
  height: 20,
  stages: {},
  people: [
    {
      keypoints: Float64Array.of(1.23456, 2, NaN, NaN, 3, 4.5),
      scores: Float64Array.of(0.98765, 0, 0.5),
      uncertainties: Float64Array.of(1.5, NaN, 2),
      box: /** @type {[number, number, number, number]} */ ([-0.5, 1, 2, 3]),
      boxScore: 0.75,
      id: 3,
    },
  ],
};

test("a table has a row for each joint, empty cells, and names in quotes where they need them", () => {
  const nobody = { ...FOUND, source: null, frame: 2, time: 0.1, people: [] };
  const rows = toCsv([FOUND, nobody], JOINTS, /** @type {any} */ (SKELETON)).split("\n");
  assert.equal(rows[1], '"a ""b"",c.jpg",,,0,3,nose,1.235,2,0.988,-0.5,1,2,3,0.75,1.5');
  assert.equal(rows[2], '"a ""b"",c.jpg",,,0,3,neck,,,0,-0.5,1,2,3,0.75,');
  assert.equal(rows[4], ",2,0.1,,,,,,,,,,,,");
  assert.ok(rows.slice(0, 5).every((row) => row.replace(/"(?:[^"]|"")*"/g, "").split(",").length === 15));
});

test("a document has null for what is not known", () => {
  const { images } = JSON.parse(toJson([FOUND], JOINTS, /** @type {any} */ (SKELETON)));
  assert.deepEqual(images[0].people[0].keypoints, [
    [1.235, 2, 0.988],
    [null, null, 0],
    [3, 4.5, 0.5],
  ]);
  assert.deepEqual(images[0].people[0].uncertainties, [1.5, null, 2]);
  assert.ok(!("frame" in images[0]));
});
