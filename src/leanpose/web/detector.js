/** Images to boxes of people: leanpose/estimate/detector.py for our own network's layout. */

import { boxIou, imageBox, invert, resizeTransform, roundHalfEven } from "./geometry.js";
import { normaliseInto, warp } from "./warp.js";

/** @import {DetectorCard, Pixels, ScoredBox, Transform} from "./types.js" */

const SMALLEST = 1; // pixels of a box's sides

/**
 * What the network sees: the image with a margin on every side, scaled to the card's side and filled up.
 *
 * @param {Pixels} image @param {DetectorCard} card
 * @returns {{input: Float32Array, height: number, width: number, transform: Transform}}
 */
export function detectorInput(image, card) {
  const framedHeight = image.height * (1 + 2 * card.margin);
  const framedWidth = image.width * (1 + 2 * card.margin);
  const zoom = Math.min(card.input_side / framedHeight, card.input_side / framedWidth);
  const shownHeight = Math.max(roundHalfEven(image.height * zoom), 1);
  const shownWidth = Math.max(roundHalfEven(image.width * zoom), 1);
  const top = Math.floor(((framedHeight - image.height) * zoom) / 2);
  const left = Math.floor(((framedWidth - image.width) * zoom) / 2);
  const height = multiple(framedHeight * zoom, card.input_multiple);
  const width = multiple(framedWidth * zoom, card.input_multiple);
  const transform = resizeTransform(zoom);
  const planes = warp(image, transform, shownHeight, shownWidth);
  const input = new Float32Array(3 * height * width);
  normaliseInto(planes, shownHeight, shownWidth, card, input, 0, height, width, top, left);
  const { zoomX, zoomY, shiftX, shiftY } = transform;
  return { input, height, width, transform: { zoomX, zoomY, shiftX: shiftX + left, shiftY: shiftY + top } };
}

/** @param {number} length @param {number} step */
function multiple(length, step) {
  return Math.ceil(Math.max(roundHalfEven(length), 1) / step) * step;
}

/**
 * Boxes in image pixels, best first, clipped to the image, each at least a pixel wide and high.
 *
 * @param {Float32Array} candidates (M, 5) in pixels of what the network saw
 * @param {Transform} transform from image to what it saw
 * @param {number} height @param {number} width of the image
 * @param {number} threshold @param {number} nmsIou
 * @returns {ScoredBox[]}
 */
export function detectedBoxes(candidates, transform, height, width, threshold, nmsIou) {
  const [x1, y1, x2, y2] = imageBox(height, width);
  const back = invert(transform);
  /** @type {ScoredBox[]} */
  const boxes = [];
  for (let i = 0; i + 4 < candidates.length; i += 5) {
    const row = candidates.subarray(i, i + 5);
    if (!row.every(Number.isFinite) || row[4] < threshold) continue;
    const [left, right] = [0, 2].map((at) => clip(back.zoomX * row[at] + back.shiftX, x1, x2));
    const [top, bottom] = [1, 3].map((at) => clip(back.zoomY * row[at] + back.shiftY, y1, y2));
    if (right - left >= SMALLEST && bottom - top >= SMALLEST) {
      boxes.push([left, top, right, bottom, Math.min(row[4], 1)]);
    }
  }
  boxes.sort((a, b) => b[4] - a[4]); // stable: of equal scores the earlier is the better one
  /** @type {ScoredBox[]} */
  const kept = [];
  for (const box of boxes) if (kept.every((better) => boxIou(better, box) <= nmsIou)) kept.push(box);
  return kept;
}

/** @param {number} value @param {number} low @param {number} high */
function clip(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
