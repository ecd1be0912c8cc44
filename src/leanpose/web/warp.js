/** Crops out of images as OpenCV makes them: halved while they shrink by two or more, then bilinear, black outside. */

/** @import {Pixels, Transform} from "./types.js" */

/**
 * The crop under a transform: what `warp` of leanpose/core/geometry.py gives, to a level of brightness.
 *
 * @param {Pixels} image
 * @param {Transform} transform
 * @param {number} height of the crop
 * @param {number} width of the crop
 * @returns {Uint8Array} planes (3, height, width): red, green, blue
 */
export function warp(image, transform, height, width) {
  let { zoomX, zoomY, shiftX, shiftY } = transform;
  let shrink = 1;
  while (zoomX * zoomY * (2 * shrink) ** 2 <= 1) shrink *= 2;
  let source = image;
  if (shrink >= 2) {
    const [x, columns] = span(-shiftX / zoomX, 1 / zoomX, width, image.width, shrink);
    const [y, rows] = span(-shiftY / zoomY, 1 / zoomY, height, image.height, shrink);
    if (columns > 0 && rows > 0) {
      source = halve(image, x, y, columns, rows);
      for (let left = shrink / 2; left > 1; left /= 2) source = halve(source, 0, 0, source.width, source.height);
      // cell i of the smaller image is centred on source pixel x + shrink * (i + 0.5) - 0.5
      shiftX += zoomX * (x + (shrink - 1) / 2);
      shiftY += zoomY * (y + (shrink - 1) / 2);
      zoomX *= shrink;
      zoomY *= shrink;
    }
  }
  return bilinear(source, zoomX, zoomY, shiftX, shiftY, height, width);
}

/**
 * Where the source pixels begin that a crop shows along one axis, and how many they are: a multiple of `shrink`.
 *
 * @param {number} offset @param {number} step source position of crop pixel u is offset + step * u
 * @param {number} length of the crop @param {number} side of the source @param {number} shrink
 * @returns {[number, number]}
 */
function span(offset, step, length, side, shrink) {
  const low = Math.max(Math.floor(offset - step), 0);
  const high = Math.min(Math.ceil(offset + step * length) + 1, side);
  const cells = Math.ceil((high - low) / shrink);
  const start = Math.min(Math.max(side - cells * shrink, 0), low);
  return [start, cells * shrink];
}

/**
 * Part of an image at half the size, each pixel the mean of four; black where the part leaves the image.
 *
 * @param {Pixels} image @param {number} x @param {number} y @param {number} columns even @param {number} rows even
 * @returns {Pixels}
 */
export function halve(image, x, y, columns, rows) {
  const from = image.data;
  const stride = image.width * 4;
  const width = columns >> 1;
  const height = rows >> 1;
  const data = new Uint8Array(width * height * 4);
  const whole = Math.max(Math.min(width, (image.width - x) >> 1), 0); // columns of which all four pixels are there
  for (let v = 0; v < height; v++) {
    const top = (y + 2 * v) * stride + x * 4;
    const hasTop = y + 2 * v < image.height;
    const hasBelow = y + 2 * v + 1 < image.height;
    let to = v * width * 4;
    if (hasBelow) {
      for (let u = 0, a = top, b = top + stride; u < whole; u++, a += 8, b += 8, to += 4) {
        data[to] = (from[a] + from[a + 4] + from[b] + from[b + 4] + 2) >> 2;
        data[to + 1] = (from[a + 1] + from[a + 5] + from[b + 1] + from[b + 5] + 2) >> 2;
        data[to + 2] = (from[a + 2] + from[a + 6] + from[b + 2] + from[b + 6] + 2) >> 2;
      }
    }
    for (let u = hasBelow ? whole : 0; u < width; u++, to += 4) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 2;
        for (let right = 0; right < 2; right++) {
          if (x + 2 * u + right >= image.width) continue;
          const at = top + 8 * u + 4 * right + channel;
          if (hasTop) sum += from[at];
          if (hasBelow) sum += from[at + stride];
        }
        data[to + channel] = sum >> 2;
      }
    }
  }
  return { data, width, height };
}

/**
 * @param {Pixels} image @param {number} zoomX @param {number} zoomY @param {number} shiftX @param {number} shiftY
 * @param {number} height @param {number} width
 */
function bilinear(image, zoomX, zoomY, shiftX, shiftY, height, width) {
  const from = image.data;
  const plane = height * width;
  const planes = new Uint8Array(3 * plane);
  const across = taps(shiftX, zoomX, width, image.width);
  const down = taps(shiftY, zoomY, height, image.height);
  for (let v = 0; v < height; v++) {
    const top = down.first[v] * image.width * 4;
    const below = down.second[v] * image.width * 4;
    const p = down.firstWeight[v];
    const q = down.secondWeight[v];
    if (p === 0 && q === 0) continue;
    for (let u = 0, to = v * width; u < width; u++, to++) {
      const left = across.first[u] * 4;
      const right = across.second[u] * 4;
      const l = across.firstWeight[u];
      const r = across.secondWeight[u];
      const a = top + left;
      const b = top + right;
      const c = below + left;
      const d = below + right;
      planes[to] = p * (l * from[a] + r * from[b]) + q * (l * from[c] + r * from[d]) + 0.5;
      planes[to + plane] = p * (l * from[a + 1] + r * from[b + 1]) + q * (l * from[c + 1] + r * from[d + 1]) + 0.5;
      planes[to + 2 * plane] = p * (l * from[a + 2] + r * from[b + 2]) + q * (l * from[c + 2] + r * from[d + 2]) + 0.5;
    }
  }
  return planes;
}

/**
 * The two source pixels that each crop pixel lies between along one axis, and their weights, 0 outside the source.
 *
 * @param {number} shift @param {number} zoom @param {number} length of the crop @param {number} side of the source
 */
function taps(shift, zoom, length, side) {
  const first = new Int32Array(length);
  const second = new Int32Array(length);
  const firstWeight = new Float64Array(length);
  const secondWeight = new Float64Array(length);
  for (let u = 0; u < length; u++) {
    const at = (u - shift) / zoom;
    const low = Math.floor(at);
    const rest = at - low;
    if (low >= 0 && low < side) {
      first[u] = low;
      firstWeight[u] = 1 - rest;
    }
    if (low + 1 >= 0 && low + 1 < side) {
      second[u] = low + 1;
      secondWeight[u] = rest;
    }
  }
  return { first, second, firstWeight, secondWeight };
}

/**
 * Normalised values of planes, `(pixel - mean) / std` per channel, written into a part of a network's input.
 *
 * @param {Uint8Array} planes (3, height, width): red, green, blue
 * @param {number} height @param {number} width
 * @param {{color: "bgr" | "rgb", mean: number[], std: number[]}} card its mean and std are in the order of its colours
 * @param {Float32Array} out (3, outHeight, outWidth) from `offset` on
 * @param {number} offset @param {number} outHeight @param {number} outWidth
 * @param {number} [top] @param {number} [left] where the planes begin in it
 */
export function normaliseInto(planes, height, width, card, out, offset, outHeight, outWidth, top = 0, left = 0) {
  const table = new Float32Array(256);
  for (let channel = 0; channel < 3; channel++) {
    for (let shade = 0; shade < 256; shade++) {
      table[shade] = Math.fround(shade - Math.fround(card.mean[channel])) / Math.fround(card.std[channel]);
    }
    let from = (card.color === "rgb" ? channel : 2 - channel) * height * width;
    for (let v = 0; v < height; v++) {
      let to = offset + (channel * outHeight + top + v) * outWidth + left;
      for (let u = 0; u < width; u++) out[to++] = table[planes[from++]];
    }
  }
}
