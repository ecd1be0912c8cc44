/** What Python gave (make_numbers.py), and how close the page's modules have to come. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

export const numbers = JSON.parse(readFileSync(new URL("numbers.json", import.meta.url), "utf8"));

/** @param {string} text base64 */
export function bytes(text) {
  return new Uint8Array(Buffer.from(text, "base64"));
}

/** @param {string} text base64 of float32 */
export function floats(text) {
  return new Float32Array(bytes(text).buffer);
}

/**
 * All numbers of nested lists within `tolerance` of the expected ones, null standing for NaN.
 *
 * @param {any} actual @param {any} expected @param {number} tolerance @param {string} [where]
 */
export function assertClose(actual, expected, tolerance, where = "value") {
  if (Array.isArray(expected) || ArrayBuffer.isView(expected)) {
    const [a, e] = [Array.from(actual), Array.from(/** @type {any} */ (expected))];
    assert.equal(a.length, e.length, `${where}: length`);
    e.forEach((value, i) => assertClose(a[i], value, tolerance, `${where}[${i}]`));
  } else if (expected === null || Number.isNaN(expected))
    assert.ok(Number.isNaN(actual), `${where}: ${actual}, not NaN`);
  else assert.ok(Math.abs(actual - expected) <= tolerance, `${where}: ${actual}, not ${expected}`);
}

/** @param {any} person as make_numbers.py writes it @returns {import("../../src/leanpose/web/types.js").Person} */
export function person({ keypoints, scores, box, boxScore }) {
  const flat = Float64Array.from(keypoints.flat(), (value) => value ?? NaN);
  return { keypoints: flat, scores: Float64Array.from(scores), uncertainties: null, box, boxScore, id: null };
}

/** @param {Float64Array} keypoints @returns {number[][]} */
export function points(keypoints) {
  return Array.from({ length: keypoints.length / 2 }, (_, joint) => [keypoints[2 * joint], keypoints[2 * joint + 1]]);
}
