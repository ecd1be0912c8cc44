import assert from "node:assert/strict";
import { test } from "node:test";

import { boxIou, cropTransform, invert, roundHalfEven } from "../../src/leanpose/web/geometry.js";
import { warp } from "../../src/leanpose/web/warp.js";
import { assertClose, bytes, numbers } from "./numbers.js";

const { height, width, rgba, cases } = numbers.warps;

test("crops lie where Python puts them", () => {
  for (const { box, input_hw, transform } of cases) {
    const { zoomX, zoomY, shiftX, shiftY } = cropTransform(box, input_hw, 1.25);
    assertClose([zoomX, zoomY, shiftX, shiftY], transform, 1e-4);
  }
});

test("there and back again is where one began", () => {
  const there = cropTransform([3, 4, 50, 80], [64, 48], 1.25);
  const back = invert(there);
  for (const x of [-7.5, 0, 12.25]) assertClose(back.zoomX * (there.zoomX * x + there.shiftX) + back.shiftX, x, 1e-12);
});

test("crops show what OpenCV shows, to a level", () => {
  for (const { box, input_hw, rgb } of cases) {
    const crop = warp(
      { data: bytes(rgba), height, width },
      cropTransform(box, input_hw, 1.25),
      input_hw[0],
      input_hw[1],
    );
    const expected = bytes(rgb);
    assert.equal(crop.length, expected.length);
    crop.forEach((value, i) =>
      assert.ok(Math.abs(value - expected[i]) <= 1, `box ${box}, ${i}: ${value}, not ${expected[i]}`),
    );
  }
});

test("overlaps are counted by area", () => {
  assert.equal(boxIou([0, 0, 2, 2], [1, 1, 3, 3]), 1 / 7);
  assert.equal(boxIou([0, 0, 1, 1], [2, 2, 3, 3]), 0);
  assert.equal(boxIou([0, 0, 0, 0], [0, 0, 0, 0]), 0);
});

test("halves go to the even number", () => {
  assert.deepEqual([0.5, 1.5, 2.5, 2.4, 2.6, -0.5].map(roundHalfEven), [0, 2, 2, 2, 3, 0]);
});
