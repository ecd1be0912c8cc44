/** What a joint's score means: see leanpose/engines/calibration.py. */

/** @import {Curves} from "./types.js" */

const NEARLY = 1e-3;

/** The probability that a joint of that peak is right. @param {Curves} curves @param {number} peak in [0, 1] */
export function probability(curves, peak) {
  if (!(peak > 0)) return 0;
  const inside = Math.min(Math.max(peak, NEARLY), 1 - NEARLY);
  return 1 / (1 + Math.exp(-curves.intercept - curves.slope * Math.log(inside / (1 - inside))));
}

/**
 * Within which 68 % of such joints lie, in the unit of the spread.
 *
 * @param {Curves} curves @param {number} peak @param {number} spread
 */
export function radius(curves, peak, spread) {
  if (!(peak > 0)) return NaN;
  return curves.scale * Math.max(peak, NEARLY) ** -curves.peak_power * spread ** curves.spread_power;
}
