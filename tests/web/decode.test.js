import { test } from "node:test";

import { probability, radius } from "../../src/leanpose/web/calibration.js";
import { decodeTaylor, spread } from "../../src/leanpose/web/decode.js";
import { assertClose, floats, numbers } from "./numbers.js";

const { height, width, sigma, maps, cells, scores, spreads, curves, probabilities, radii } = numbers.heatmaps;
const given = floats(maps);
const size = height * width;

test("peaks lie where Python finds them, and score the same", () => {
  cells.forEach((/** @type {number[]} */ cell, /** @type {number} */ i) => {
    assertClose(decodeTaylor(given, i * size, height, width, sigma), [...cell, scores[i]], 1e-5, `map ${i}`);
  });
});

test("a clean Gaussian's middle is found to a fiftieth of a cell", () => {
  const map = Float32Array.from({ length: size }, (_, i) =>
    Math.exp(-(((i % width) - 6.3) ** 2 + (Math.floor(i / width) - 9.8) ** 2) / 4.5),
  );
  assertClose(decodeTaylor(map, 0, height, width, 1.5), [6.3, 9.8, 1], 0.1);
  assertClose(decodeTaylor(map, 0, height, width, 1.5).slice(0, 2), [6.3, 9.8], 0.02);
});

test("a map that is not finite has no peak", () => {
  const map = new Float32Array(size);
  map[5] = NaN;
  assertClose(decodeTaylor(map, 0, height, width, 1.5), [NaN, NaN, 0], 0);
});

test("maps are as wide as Python says, and joints as sure", () => {
  scores.forEach((/** @type {number} */ score, /** @type {number} */ i) => {
    const wide = spread(given, i * size, height, width, cells[i][0], cells[i][1]);
    if (score > 0) assertClose(wide, spreads[i], 1e-3, `map ${i}`);
    assertClose(probability(curves, score), probabilities[i], 1e-6, `map ${i}`);
    assertClose(radius(curves, score, wide), radii[i], 2e-3, `map ${i}`);
  });
});
