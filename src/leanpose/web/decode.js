/** Heatmaps to keypoints: `taylor` of leanpose/core/decode.py (DARK, Zhang et al. 2020), and how wide a map is. */

const TINY = 1.1754943508222875e-38; // the smallest normal float32

/**
 * The position and score of the peak in one heatmap of ideal peak 1.
 *
 * @param {Float32Array} maps
 * @param {number} offset where the map begins in it
 * @param {number} height @param {number} width
 * @param {number} sigma of the training targets, in cells
 * @returns {[number, number, number]} x and y in cells, score in [0, 1]; NaN, NaN, 0 for a map that is not finite, the
 *     middle and 0 for one without contrast
 */
export function decodeTaylor(maps, offset, height, width, sigma) {
  let best = offset;
  let lowest = maps[offset];
  let finite = true;
  for (let i = offset; i < offset + height * width; i++) {
    const value = maps[i];
    if (value > maps[best]) best = i;
    if (value < lowest) lowest = value;
    if (!Number.isFinite(value)) finite = false;
  }
  if (!finite) return [NaN, NaN, 0];
  const value = maps[best];
  if (value === lowest) return [(width - 1) / 2, (height - 1) / 2, 0];
  const x = (best - offset) % width;
  const y = (best - offset - x) / width;
  const [stepX, stepY] = taylorStep(maps, offset, height, width, x, y, value, sigma);
  return [x + stepX, y + stepY, Math.min(Math.max(value, 0), 1)];
}

/**
 * A Newton step of at most one cell per axis from the largest cell to the top of the log of the smoothed map.
 *
 * @param {Float32Array} maps @param {number} offset @param {number} height @param {number} width
 * @param {number} x @param {number} y @param {number} value @param {number} sigma
 * @returns {[number, number]}
 */
function taylorStep(maps, offset, height, width, x, y, value, sigma) {
  const widest = Math.max(Math.floor((Math.max(height, width) - 3) / 2), 0);
  const reach = Math.min(Math.ceil(3 * sigma), widest);
  const reachX = Math.min(x - 1, width - 2 - x, reach); // of the kernel, cut down near the border
  const reachY = Math.min(y - 1, height - 2 - y, reach);
  if (reachX < 0 || reachY < 0 || !(value > TINY)) return [0, 0];
  const across = kernel(sigma, reachX);
  const down = kernel(sigma, reachY);
  const log = new Float64Array(9);
  for (let row = -1 - reachY; row <= 1 + reachY; row++) {
    for (let column = -1; column <= 1; column++) {
      let sum = 0;
      const from = offset + (y + row) * width + x + column - reachX;
      for (let i = 0; i < across.length; i++) sum += across[i] * maps[from + i];
      for (let line = -1; line <= 1; line++) {
        const at = row - line + reachY;
        if (at >= 0 && at < down.length) log[3 * (line + 1) + column + 1] += down[at] * sum;
      }
    }
  }
  for (let i = 0; i < 9; i++) log[i] = Math.log(Math.max(log[i], 1e-10 * value));
  const dx = (log[5] - log[3]) / 2;
  const dy = (log[7] - log[1]) / 2;
  const dxx = log[5] - 2 * log[4] + log[3];
  const dyy = log[7] - 2 * log[4] + log[1];
  const dxy = (log[8] - log[6] - log[2] + log[0]) / 4;
  const determinant = dxx * dyy - dxy ** 2;
  if (!(determinant > 1e-8 && dxx < 0)) return [0, 0];
  const stepX = (dxy * dy - dyy * dx) / determinant;
  const stepY = (dxy * dx - dxx * dy) / determinant;
  return [Math.min(Math.max(stepX, -1), 1), Math.min(Math.max(stepY, -1), 1)];
}

/** A Gaussian of sum 1 over 2 * reach + 1 cells. @param {number} sigma @param {number} reach */
function kernel(sigma, reach) {
  const weights = new Float64Array(2 * reach + 1);
  let total = 0;
  for (let i = -reach; i <= reach; i++) total += weights[i + reach] = Math.exp(-((i / sigma) ** 2) / 2);
  return weights.map((weight) => weight / total);
}

/**
 * How wide a heatmap is about a position, in cells: the root mean squared distance under the map's square.
 *
 * @param {Float32Array} maps @param {number} offset @param {number} height @param {number} width
 * @param {number} x @param {number} y
 */
export function spread(maps, offset, height, width, x, y) {
  let mass = 0;
  let sum = 0;
  for (let row = 0, i = offset; row < height; row++) {
    for (let column = 0; column < width; column++, i++) {
      const weight = maps[i] * maps[i];
      mass += weight;
      sum += weight * ((column - x) ** 2 + (row - y) ** 2);
    }
  }
  return Math.sqrt(Math.max(sum / mass, 0));
}
