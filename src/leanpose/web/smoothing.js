/** Steady joints: the One-Euro filter (Casiez et al., CHI 2012) of leanpose/estimate/smoothing.py. */

/** @import {Person} from "./types.js" */

const COAST = 0.1;

export class OneEuroSmoother {
  /**
   * @param {{minCutoff?: number, beta?: number, speedCutoff?: number, fullScore?: number, maxGap?: number}} [options]
   */
  constructor({ minCutoff = 1, beta = 38, speedCutoff = 1, fullScore = 0.5, maxGap = 0.5 } = {}) {
    this.minCutoff = minCutoff;
    this.beta = beta;
    this.speedCutoff = speedCutoff;
    this.fullScore = fullScore;
    this.maxGap = maxGap;
    /** @type {Map<number, Joints>} */
    this.joints = new Map();
  }

  /**
   * @param {Person[]} people with ids @param {number} time seconds, after that of the frame before
   * @returns {Person[]}
   */
  update(people, time) {
    for (const [id, joints] of this.joints) {
      if (!joints.found.some((found) => time - found <= this.maxGap)) this.joints.delete(id);
    }
    return people.map((person) => {
      const id = person.id ?? 0;
      const joints = this.joints.get(id) ?? new Joints(person.scores.length);
      this.joints.set(id, joints);
      const length = Math.max(person.box[2] - person.box[0], person.box[3] - person.box[1], 1);
      this.#step(joints, person, time, length);
      const keypoints = joints.places.map((place, i) => (joints.found[i >> 1] === time ? place : NaN));
      return { ...person, keypoints };
    });
  }

  /**
   * @param {Joints} joints @param {Person} person @param {number} time @param {number} length of the body, in pixels
   */
  #step(joints, person, time, length) {
    const step = Number.isFinite(joints.time) ? time - joints.time : 1; // any will do: all joints are fresh
    const decay = -Math.expm1(-step / COAST);
    for (let joint = 0; joint < person.scores.length; joint++) {
      const measured = person.keypoints.subarray(2 * joint, 2 * joint + 2);
      const found = Number.isFinite(measured[0]) && Number.isFinite(measured[1]);
      const fresh = found && time - joints.found[joint] > this.maxGap;
      const trust = found ? Math.min(person.scores[joint] / this.fullScore, 1) : 0;
      const guesses = [0, 0];
      const places = [0, 0];
      for (let axis = 0; axis < 2; axis++) {
        const i = 2 * joint + axis;
        const value = found ? measured[axis] : 0;
        places[axis] = fresh ? value : joints.places[i];
        const before = fresh ? value : joints.targets[i];
        const speed = fresh ? 0 : joints.speeds[i];
        guesses[axis] = places[axis] + speed * COAST * decay;
        const target = guesses[axis] + trust * (value - guesses[axis]);
        const slowed = speed * Math.exp((-(1 - trust) * step) / COAST);
        joints.speeds[i] = slowed + trust * share(this.speedCutoff, step) * ((target - before) / step - slowed);
        joints.targets[i] = target;
      }
      const pace = Math.hypot(joints.speeds[2 * joint], joints.speeds[2 * joint + 1]);
      const follow = share(this.minCutoff + (this.beta * pace) / length, step);
      for (let axis = 0; axis < 2; axis++) {
        const value = found ? measured[axis] : 0;
        const filtered = places[axis] + follow * (value - places[axis]);
        joints.places[2 * joint + axis] = guesses[axis] + trust * (filtered - guesses[axis]);
      }
      if (found) joints.found[joint] = time;
    }
    joints.time = time;
  }
}

/** The filter's state for one id of K joints. */
class Joints {
  /** @param {number} joints */
  constructor(joints) {
    this.places = new Float64Array(2 * joints).fill(NaN);
    this.targets = new Float64Array(2 * joints).fill(NaN);
    this.speeds = new Float64Array(2 * joints).fill(NaN);
    this.found = new Float64Array(joints).fill(-Infinity);
    this.time = -Infinity;
  }
}

/**
 * How far a first-order low-pass goes towards its input in `step` seconds.
 *
 * @param {number} cutoff Hz @param {number} step
 */
function share(cutoff, step) {
  return step / (step + 1 / (2 * Math.PI * cutoff));
}
