import assert from "node:assert/strict";
import { test } from "node:test";

import { assign, withoutDoubles, withoutTaken } from "../../src/leanpose/web/association.js";
import { detectedBoxes, detectorInput } from "../../src/leanpose/web/detector.js";
import { OneEuroSmoother } from "../../src/leanpose/web/smoothing.js";
import { Tracker } from "../../src/leanpose/web/tracker.js";
import { seen } from "../../src/leanpose/web/view.js";
import { assertClose, bytes, numbers, person, points } from "./numbers.js";

test("the detector sees what it sees in Python", () => {
  const { card, inputs } = numbers.detections;
  for (const { height, width, input_hw, transform, rgba, inner } of inputs) {
    const data = rgba ? bytes(rgba) : new Uint8Array(4 * height * width);
    const made = detectorInput({ data, height, width }, card);
    assert.deepEqual([made.height, made.width], input_hw);
    const { zoomX, zoomY, shiftX, shiftY } = made.transform;
    assertClose([zoomX, zoomY, shiftX, shiftY], transform, 1e-4);
    if (!inner) continue;
    const value = (/** @type {number} */ c, /** @type {number} */ v, /** @type {number} */ u) =>
      made.input[(c * made.height + v) * made.width + u];
    inner.forEach((/** @type {number[][]} */ rows, /** @type {number} */ c) => {
      rows.forEach((row, i) =>
        row.forEach((expected, j) => assertClose(value(c, 40 + 20 * i, 40 + 20 * j), expected, 0.019)),
      );
    });
  }
});

test("of boxes that overlap the better one stays", () => {
  const { candidates, kept } = numbers.detections;
  const same = { zoomX: 1, zoomY: 1, shiftX: 0, shiftY: 0 };
  assertClose(detectedBoxes(Float32Array.from(candidates.flat()), same, 200, 200, 0.4 - 1e-6, 0.5), kept, 1e-4);
});

test("assignments have the largest sum", () => {
  for (const { likeness, least, pairs } of numbers.assignments) assert.deepEqual(assign(likeness, least), pairs);
  assert.deepEqual(assign([], 0.1), []);
  assert.deepEqual(assign([[], []], 0.1), []);
});

test("people keep the ids that Python gives them, are looked for in the same places and smoothed alike", () => {
  const { sigmas, height, width, frames } = numbers.video;
  const tracker = new Tracker(sigmas);
  const smoother = new OneEuroSmoother();
  for (const [i, frame] of frames.entries()) {
    assert.equal(tracker.needsDetection(), frame.run, `frame ${i}`);
    assertClose(
      tracker.predictedBoxes(frame.time, frame.found, height, width),
      frame.looked,
      0.01,
      `frame ${i}, looked`,
    );
    const people = tracker.update(frame.people.map(person), frame.time, frame.looked.length, frame.run);
    assert.deepEqual(
      people.map((one) => one.id),
      frame.ids,
      `frame ${i}`,
    );
    assertClose(
      people.map((one) => one.scores),
      frame.scores,
      1e-5,
      `frame ${i}, scores`,
    );
    assertClose(
      smoother.update(people, frame.time).map((one) => points(one.keypoints)),
      frame.smooth,
      0.01,
      `frame ${i}, smooth`,
    );
  }
});

test("time goes on", () => {
  const tracker = new Tracker(numbers.video.sigmas);
  tracker.update([], 1, 0, true);
  assert.throws(() => tracker.update([], 1, 0, true), /cannot follow/);
});

test("nobody is found twice, and no limb is two people's", () => {
  for (const { people, stay, scores } of numbers.doubles) {
    const kept = withoutDoubles(people.map(person), numbers.video.sigmas);
    assert.deepEqual(
      kept.map((one) => one.box),
      people
        .filter((/** @type {any} */ _, /** @type {number} */ i) => stay[i])
        .map((/** @type {any} */ one) => one.box),
    );
    assertClose(
      withoutTaken(kept, numbers.video.sigmas).map((one) => one.scores),
      scores,
      1e-6,
    );
  }
});

test("joints of other skeletons are found by name", () => {
  const { joints, keypoints, scores, views } = numbers.views;
  const one = person({ keypoints: keypoints.map((/** @type {any} */ p) => p), scores, box: [0, 0, 1, 1], boxScore: 1 });
  for (const view of Object.values(views)) {
    const parts = view.joints.map((/** @type {string} */ joint) => numbers.parts[joint] ?? [joint]);
    const turned = seen(one, joints, {
      name: "",
      joints: view.joints,
      limbs: [],
      sigmas: null,
      torso: ["a", "b"],
      parts,
    });
    assertClose(points(turned.keypoints), view.keypoints, 1e-4);
    assertClose(turned.scores, view.scores, 1e-6);
  }
});
