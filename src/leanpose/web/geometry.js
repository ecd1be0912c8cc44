/** Boxes, crops and the one coordinate convention: what leanpose/core/geometry.py does, for upright crops. */

/** @import {Box, Transform} from "./types.js" */

/** The box that covers a whole image. @param {number} height @param {number} width @returns {Box} */
export function imageBox(height, width) {
  return [-0.5, -0.5, width - 0.5, height - 0.5];
}

/** @param {Box} box */
export function boxArea(box) {
  return (box[2] - box[0]) * (box[3] - box[1]);
}

/** Intersection over union; 0 where neither has an area. @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
export function boxIou(a, b) {
  const width = Math.max(Math.min(a[2], b[2]) - Math.max(a[0], b[0]), 0);
  const height = Math.max(Math.min(a[3], b[3]) - Math.max(a[1], b[1]), 0);
  const shared = width * height;
  const either = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared;
  return either > 0 ? shared / either : 0;
}

/**
 * From image to crop pixels: the box is grown about its centre to the crop's aspect, then by the padding, and fills it.
 *
 * @param {ArrayLike<number>} box
 * @param {[number, number]} inputHw height and width of the crop
 * @param {number} padding
 * @returns {Transform}
 */
export function cropTransform(box, [height, width], padding) {
  const regionWidth = Math.max(box[2] - box[0], ((box[3] - box[1]) * width) / height) * padding;
  const zoom = width / regionWidth;
  return {
    zoomX: zoom,
    zoomY: zoom,
    shiftX: (width - 1) / 2 - (zoom * (box[0] + box[2])) / 2,
    shiftY: (height - 1) / 2 - (zoom * (box[1] + box[3])) / 2,
  };
}

/** Of an image enlarged by `zoom`, its top left corner kept. @param {number} zoom @returns {Transform} */
export function resizeTransform(zoom) {
  return { zoomX: zoom, zoomY: zoom, shiftX: (zoom - 1) / 2, shiftY: (zoom - 1) / 2 };
}

/** The way back from crop to image pixels. @param {Transform} t @returns {Transform} */
export function invert(t) {
  return { zoomX: 1 / t.zoomX, zoomY: 1 / t.zoomY, shiftX: -t.shiftX / t.zoomX, shiftY: -t.shiftY / t.zoomY };
}

/** @param {number} cell @param {number} stride @param {number} cellOffset @returns {number} crop pixels */
export function cellToCrop(cell, stride, cellOffset) {
  return stride * (cell + cellOffset) - cellOffset;
}

/** To the nearest whole number, halves to the even one, as NumPy rounds. @param {number} value */
export function roundHalfEven(value) {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}
