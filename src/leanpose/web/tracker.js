/** Who is who from frame to frame, where to look next, and when to detect. See leanpose/estimate/tracker.py. */

import {
  MIN_SCORE,
  FEWEST_JOINTS,
  assign,
  bodyOf,
  count,
  distinct,
  extent,
  mean,
  similarity,
  takenJoints,
  withoutJoints,
} from "./association.js";
import { boxArea, boxIou } from "./geometry.js";

/** @import {Body, Box, Person, ScoredBox} from "./types.js" */

/**
 * What was known of a person when it was seen.
 *
 * @typedef {object} Sighting
 * @property {number} time seconds
 * @property {Float64Array} keypoints where each joint was last seen, moved on with the person since
 * @property {Float64Array} jointSeen when that was; minus infinity for never
 * @property {Box} box
 * @property {[number, number]} velocity pixels per second
 */

const DRIFT = 0.5;
const VELOCITY_MEMORY = 0.2;
const INTERVAL_LOST = 3;
const SAME_BOX = 0.3;
const SAME_PLACE = 0.1;
const DOUBT = 0.2;

export class Tracker {
  /**
   * @param {number[]} sigmas of the model's joints
   * @param {{maxAge?: number, minLikeness?: number, maxInterval?: number}} [options]
   */
  constructor(sigmas, { maxAge = 1, minLikeness = 0.2, maxInterval = 10 } = {}) {
    this.sigmas = sigmas;
    this.maxAge = maxAge;
    this.minLikeness = minLikeness;
    this.maxInterval = maxInterval;
    this.interval = 1;
    this.sinceRun = 1;
    this.nextId = 1;
    this.time = -Infinity;
    /** @type {Track[]} */
    this.tracks = [];
  }

  /** Whether the detector should look at the next frame. */
  needsDetection() {
    return this.sinceRun >= this.interval;
  }

  /**
   * Where the people of the last frame should be in the next one, but for those who are in detected boxes.
   *
   * @param {number} time of the next frame @param {ScoredBox[]} detected @param {number} height @param {number} width
   * @returns {ScoredBox[]}
   */
  predictedBoxes(time, detected, height, width) {
    const tracks = this.tracks.filter(
      (track) => track.last.time === this.time && (track.denied === null || time - track.denied <= this.maxAge),
    );
    const boxes = tracks.map((track) => this.#expected(track.last, time).box);
    const pairs = assign(
      boxes.map((box) => detected.map((other) => boxIou(box, other))),
      SAME_BOX,
    );
    const met = new Set(pairs.map(([row]) => row));
    return boxes
      .map((box, i) => /** @type {ScoredBox} */ ([...box, tracks[i].boxScore]))
      .filter((box, i) => !met.has(i) && visible(box, height, width));
  }

  /**
   * The people with ids: all whose boxes come from outside, and those in predicted ones who are known.
   *
   * @param {Person[]} found the last `predicted` of them in predicted boxes
   * @param {number} time seconds, after that of the frame before
   * @param {number} predicted
   * @param {boolean} detectorRan
   * @returns {Person[]}
   */
  update(found, time, predicted, detectorRan) {
    if (!(time > this.time)) throw new Error(`a frame at ${time} s cannot follow one at ${this.time} s`);
    const { bodies, people, outside } = this.#worthKeeping(found, predicted);
    const present = this.tracks.filter((track) => track.last.time === this.time);
    const flagged = this.tracks.map((track) => ({ track, lost: track.last.time < this.time || track.denied !== null }));
    this.time = time;
    const young = flagged.filter(({ track }) => time - track.last.time <= this.maxAge);
    this.tracks = young.map(({ track }) => track);
    const expected = this.tracks.map((track) => this.#expected(track.last, time));
    const alike = young.map(({ track, lost }, row) =>
      bodies.map((body) => this.#likeness(track, lost, expected[row], body, time)),
    );
    const wasDenied = new Set(this.tracks.filter((track) => track.denied !== null));
    /** @type {number[]} */
    const ids = people.map(() => 0);
    const pairs = assign(alike, this.minLikeness);
    const taken = this.#taken(bodies, people, expected, pairs);
    bodies.forEach((body, i) => (body.known = body.known.map((known, joint) => known && !taken[i][joint])));
    for (const [row, i] of pairs) {
      const track = this.tracks[row];
      track.see(time, bodies[i], people[i].box);
      if (outside[i]) {
        track.boxScore = people[i].boxScore;
        track.denied = null;
        if (!taken[i].some(Boolean)) track.confirmed = track.last;
      } else if (detectorRan && track.denied === null) track.denied = time;
      ids[i] = track.id;
    }
    const missed = present.some((track) => track.last.time < time);
    const denied = this.tracks.some((track) => track.denied !== null && !wasDenied.has(track));
    const fresh = people.map((_, i) => i).filter((i) => ids[i] === 0 && outside[i]);
    fresh.sort((a, b) => compare(people[a].box, people[b].box)); // so that their order in the frame is nothing
    for (const i of fresh) {
      ids[i] = this.nextId++;
      this.tracks.push(new Track(ids[i], time, bodies[i], people[i]));
    }
    this.#plan(detectorRan, fresh.length > 0 || missed || denied);
    return people.map((person, i) => ({ ...withoutJoints(person, taken[i]), id: ids[i] })).filter((_, i) => ids[i] > 0);
  }

  /**
   * Those from outside, and of the others who have joints and are no doubles.
   *
   * @param {Person[]} found @param {number} predicted
   */
  #worthKeeping(found, predicted) {
    const fromOutside = found.map((_, i) => i < found.length - predicted);
    const all = found.map((person) => bodyOf(person, MIN_SCORE));
    const strength = found.map((person, i) => mean(person.scores) + (fromOutside[i] ? 1 : 0));
    const single = distinct(all, strength, this.sigmas);
    const fewest = Math.min(FEWEST_JOINTS, this.sigmas.length);
    const real = fromOutside.map((is, i) => is || (single[i] && count(all[i].known) >= fewest));
    /** @template T @param {T[]} list */
    const kept = (list) => list.filter((_, i) => real[i]);
    return { bodies: kept(all), people: kept(found), outside: kept(fromOutside) };
  }

  /** @param {Track} track @param {boolean} lost @param {Body} expected @param {Body} body @param {number} time */
  #likeness(track, lost, expected, body, time) {
    const now = this.#alike(track.last, expected, body, time, lost);
    if (!lost) return now;
    return Math.max(now, this.#alike(track.confirmed, this.#expected(track.confirmed, time), body, time, lost));
  }

  /** @param {Sighting} sighting @param {Body} expected @param {Body} body @param {number} time @param {boolean} lost */
  #alike(sighting, expected, body, time, lost) {
    const age = time - sighting.time;
    const alike = similarity(expected, body, this.sigmas, DRIFT * age);
    if (!lost) return alike;
    const unlike = alike < this.minLikeness + DOUBT * Math.min(age / this.maxAge, 1) ** 2;
    return unlike || boxIou(expected.box, body.box) < SAME_PLACE ? 0 : alike;
  }

  /**
   * Joints that are somebody else's; a claim is the score times how near the joint is to where it was expected.
   *
   * @param {Body[]} bodies @param {Person[]} people @param {Body[]} expected @param {[number, number][]} pairs
   */
  #taken(bodies, people, expected, pairs) {
    const claims = people.map((person) => Array.from(person.scores, (score) => score * 0.5));
    for (const [row, i] of pairs) {
      const area = boxArea(expected[row].box);
      this.sigmas.forEach((sigma, joint) => {
        if (!expected[row].known[joint]) return;
        const dx = bodies[i].keypoints[2 * joint] - expected[row].keypoints[2 * joint];
        const dy = bodies[i].keypoints[2 * joint + 1] - expected[row].keypoints[2 * joint + 1];
        const near = Math.exp(-(dx * dx + dy * dy) / (2 * (2 * sigma) ** 2 * area));
        claims[i][joint] = people[i].scores[joint] * (Number.isFinite(near) ? near : 0);
      });
    }
    return takenJoints(bodies, claims, this.sigmas);
  }

  /**
   * Where the person of a sighting should be by now.
   *
   * @param {Sighting} sighting @param {number} time
   * @returns {Body}
   */
  #expected(sighting, time) {
    const move = sighting.velocity.map((speed) => speed * (time - sighting.time));
    const keypoints = sighting.keypoints.map((value, i) => value + move[i % 2]);
    const known = Array.from(sighting.jointSeen, (seen) => sighting.time - seen <= this.maxAge);
    const box = /** @type {Box} */ (sighting.box.map((value, i) => value + move[i % 2]));
    return { keypoints, known, box: extent(keypoints, known, box) };
  }

  /** @param {boolean} detectorRan @param {boolean} news */
  #plan(detectorRan, news) {
    if (detectorRan) {
      const missing = this.tracks.some((track) => track.last.time < this.time);
      this.interval = Math.min(2 * this.interval, missing ? INTERVAL_LOST : this.maxInterval, this.maxInterval);
    }
    if (news) this.interval = 1;
    this.sinceRun = detectorRan ? 1 : this.sinceRun + 1;
  }
}

/** One person over time. */
class Track {
  /** @param {number} id @param {number} time @param {Body} body @param {Person} person */
  constructor(id, time, body, person) {
    this.id = id;
    /** @type {Sighting} */
    this.last = {
      time,
      keypoints: body.keypoints.map((value, i) => (body.known[i >> 1] ? value : NaN)),
      jointSeen: Float64Array.from(body.known, (known) => (known ? time : -Infinity)),
      box: person.box,
      velocity: [0, 0],
    };
    this.confirmed = this.last;
    this.boxScore = person.boxScore;
    /** @type {number | null} when the detector first failed to confirm it, or null if it did the last time */
    this.denied = null;
    this.way = [0, 0];
    this.duration = 0;
  }

  /** Take in where the person is now. @param {number} time @param {Body} body @param {Box} box */
  see(time, body, box) {
    const last = this.last;
    let step = [(box[0] - last.box[0] + box[2] - last.box[2]) / 2, (box[1] - last.box[1] + box[3] - last.box[3]) / 2];
    const shared = body.known.map((known, joint) => known && last.jointSeen[joint] === last.time);
    const joints = count(shared);
    if (joints) {
      step = [0, 0];
      shared.forEach((is, joint) => {
        for (const axis of is ? [0, 1] : [])
          step[axis] += (body.keypoints[2 * joint + axis] - last.keypoints[2 * joint + axis]) / joints;
      });
    }
    const duration = time - last.time;
    const kept = Math.exp(-duration / VELOCITY_MEMORY);
    this.way = this.way.map((value, axis) => kept * value + step[axis]);
    this.duration = kept * this.duration + duration;
    this.last = {
      time,
      keypoints: last.keypoints.map((value, i) => (body.known[i >> 1] ? body.keypoints[i] : value + step[i % 2])),
      jointSeen: last.jointSeen.map((seen, joint) => (body.known[joint] ? time : seen)),
      box,
      velocity: [this.way[0] / this.duration, this.way[1] / this.duration],
    };
  }
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
function compare(a, b) {
  for (let i = 0; i < 4; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}

/**
 * Whether a box is at least a pixel large and not wholly outside.
 *
 * @param {ArrayLike<number>} box @param {number} height @param {number} width
 */
function visible(box, height, width) {
  const large = box[2] - box[0] >= 1 && box[3] - box[1] >= 1;
  return large && box[2] > -0.5 && box[3] > -0.5 && box[0] < width - 0.5 && box[1] < height - 0.5;
}
