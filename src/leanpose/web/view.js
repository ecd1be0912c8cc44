/** People in the joints of another skeleton, by name; see `map_joints` in leanpose/pose/skeleton.py. */

import { mean } from "./association.js";

/** @import {Person, Skeleton} from "./types.js" */

/**
 * @param {Person} person in the joints of the model @param {string[]} joints the model's @param {Skeleton} skeleton
 * @returns {Person}
 */
export function seen(person, joints, skeleton) {
  const parts = skeleton.parts ?? skeleton.joints.map((joint) => [joint]);
  const sources = parts.map((names) => names.map((name) => joints.indexOf(name)));
  const { uncertainties: unsure } = person;
  const keypoints = new Float64Array(2 * sources.length);
  const scores = new Float64Array(sources.length);
  const uncertainties = unsure && new Float64Array(sources.length);
  sources.forEach((from, joint) => {
    for (const axis of [0, 1]) {
      keypoints[2 * joint + axis] = mean(from.map((one) => person.keypoints[2 * one + axis]));
    }
    const missing = Number.isNaN(keypoints[2 * joint]);
    scores[joint] = missing ? 0 : Math.min(...from.map((one) => person.scores[one]));
    if (unsure && uncertainties) {
      const variances = from.map((one) => (unsure[one] / from.length) ** 2); // of independent errors
      uncertainties[joint] = missing ? NaN : Math.sqrt(variances.reduce((sum, value) => sum + value, 0));
    }
  });
  return { ...person, keypoints, scores, uncertainties };
}
