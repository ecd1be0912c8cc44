/** Who is who: how alike people are, and who is twice in one image. See leanpose/estimate/association.py. */

import { boxArea, boxIou } from "./geometry.js";

/** @import {Body, Box, Person} from "./types.js" */

export const FEWEST_JOINTS = 3;
export const MIN_SCORE = 0.3;
const SAME_POSE = 0.8;
const SAME_JOINT = 0.9;
const MOSTLY = 2 / 3;
const FEWEST_SHARED = 2;
const GROWTH = 0.15;

/**
 * What a person is compared by; joints below `minScore` are not known.
 *
 * @param {Person} person @param {number} [minScore]
 * @returns {Body}
 */
export function bodyOf(person, minScore = MIN_SCORE) {
  const known = Array.from(person.scores, (score, joint) => {
    return (
      score >= minScore &&
      Number.isFinite(person.keypoints[2 * joint]) &&
      Number.isFinite(person.keypoints[2 * joint + 1])
    );
  });
  return { keypoints: person.keypoints, known, box: extent(person.keypoints, known, person.box) };
}

/**
 * The box around the known joints, grown by half of GROWTH of its longer side; `box` for too few of them.
 *
 * @param {Float64Array} keypoints @param {boolean[]} known @param {Box} box
 * @returns {Box}
 */
export function extent(keypoints, known, box) {
  let [x1, y1, x2, y2] = [Infinity, Infinity, -Infinity, -Infinity];
  known.forEach((is, joint) => {
    if (!is) return;
    x1 = Math.min(x1, keypoints[2 * joint]);
    y1 = Math.min(y1, keypoints[2 * joint + 1]);
    x2 = Math.max(x2, keypoints[2 * joint]);
    y2 = Math.max(y2, keypoints[2 * joint + 1]);
  });
  const margin = (GROWTH / 2) * Math.max(x2 - x1, y2 - y1);
  if (count(known) < FEWEST_JOINTS || !(margin > 0)) return box;
  return [x1 - margin, y1 - margin, x2 + margin, y2 + margin];
}

/** @param {boolean[]} flags */
export function count(flags) {
  return flags.reduce((sum, flag) => sum + (flag ? 1 : 0), 0);
}

/** @param {Body} a @param {Body} b @param {number} joint @returns {number} squared pixels between both */
function apart(a, b, joint) {
  return (
    (a.keypoints[2 * joint] - b.keypoints[2 * joint]) ** 2 +
    (a.keypoints[2 * joint + 1] - b.keypoints[2 * joint + 1]) ** 2
  );
}

/**
 * COCO's OKS over the joints that both know, and how many those are.
 *
 * @param {Body} a @param {Body} b @param {number[]} sigmas @param {number} area square pixels
 * @returns {[number, number]}
 */
function oks(a, b, sigmas, area) {
  let sum = 0;
  let shared = 0;
  sigmas.forEach((sigma, joint) => {
    if (!a.known[joint] || !b.known[joint]) return;
    shared += 1;
    const similarity = Math.exp(-apart(a, b, joint) / (2 * (2 * sigma) ** 2 * (area + Number.EPSILON)));
    if (Number.isFinite(similarity)) sum += similarity;
  });
  return [shared ? sum / shared : NaN, shared];
}

/**
 * How alike two people of an earlier and a later frame are, from 0 to 1: the mean of OKS and box overlap.
 *
 * @param {Body} earlier @param {Body} later @param {number[]} sigmas
 * @param {number} drift roots of the area by which the person may have strayed
 */
export function similarity(earlier, later, sigmas, drift) {
  const overlap = boxIou(earlier.box, later.box);
  const tolerance = sigmas.map((sigma) => Math.hypot(sigma, drift / 2));
  const [ofJoints, shared] = oks(later, earlier, tolerance, (boxArea(earlier.box) + boxArea(later.box)) / 2);
  return shared >= FEWEST_JOINTS ? (ofJoints + overlap) / 2 : overlap;
}

/** Which joints both know and have in one place. @param {Body} a @param {Body} b @param {number[]} sigmas */
function inOnePlace(a, b, sigmas) {
  const area = (boxArea(a.box) + boxArea(b.box)) / 2;
  return sigmas.map((sigma, joint) => {
    return (
      a.known[joint] && b.known[joint] && apart(a, b, joint) <= -2 * Math.log(SAME_JOINT) * area * (2 * sigma) ** 2
    );
  });
}

/**
 * Which people of one image stay where several are the same: the strongest, of equals the first.
 *
 * @param {Body[]} people @param {number[]} strength @param {number[]} sigmas
 * @returns {boolean[]}
 */
export function distinct(people, strength, sigmas) {
  const fewest = Math.min(FEWEST_JOINTS, sigmas.length);
  /** @param {Body} a @param {Body} b */
  const same = (a, b) => {
    const fewer = Math.min(count(a.known), count(b.known));
    const [alike, shared] = oks(a, b, sigmas, (boxArea(a.box) + boxArea(b.box)) / 2);
    if (shared >= Math.max(fewer / 2, fewest) && alike >= SAME_POSE) return true;
    return count(inOnePlace(a, b, sigmas)) >= Math.max(MOSTLY * fewer, fewest);
  };
  const stay = people.map(() => false);
  const order = people.map((_, i) => i).sort((a, b) => strength[b] - strength[a]);
  for (const i of order) stay[i] = !people.some((other, j) => stay[j] && same(people[i], other));
  return stay;
}

/**
 * Which joints are somebody else's: two people have a limb in one place, the other with a higher claim.
 *
 * @param {Body[]} people @param {number[][]} claims per person and joint @param {number[]} sigmas
 * @returns {boolean[][]}
 */
export function takenJoints(people, claims, sigmas) {
  const taken = people.map((body) => body.known.map(() => false));
  people.forEach((first, i) => {
    for (let j = i + 1; j < people.length; j++) {
      const limb = inOnePlace(first, people[j], sigmas);
      const shared = count(limb);
      const fewer = Math.min(count(first.known), count(people[j].known));
      if (shared < FEWEST_SHARED || shared >= Math.max(MOSTLY * fewer, FEWEST_JOINTS)) continue;
      const [mine, theirs] = [i, j].map((one) => claims[one].reduce((sum, claim, k) => sum + (limb[k] ? claim : 0), 0));
      const loser = mine >= theirs ? j : i;
      limb.forEach((is, k) => (taken[loser][k] ||= is));
    }
  });
  return taken;
}

/** @param {Person} person @param {boolean[]} taken joints to score 0 @returns {Person} */
export function withoutJoints(person, taken) {
  return { ...person, scores: person.scores.map((score, joint) => (taken[joint] ? 0 : score)) };
}

/** People with joints that are somebody else's scored 0. @param {Person[]} people @param {number[]} sigmas */
export function withoutTaken(people, sigmas) {
  const taken = takenJoints(
    people.map((one) => bodyOf(one)),
    people.map((one) => [...one.scores]),
    sigmas,
  );
  return people.map((person, i) => withoutJoints(person, taken[i]));
}

/** People of whom a detector's boxes led to two, once. @param {Person[]} people @param {number[]} sigmas */
export function withoutDoubles(people, sigmas) {
  const strength = people.map((person) => person.boxScore * mean(person.scores));
  const stay = distinct(
    people.map((one) => bodyOf(one)),
    strength,
    sigmas,
  );
  return people.filter((_, i) => stay[i]);
}

/** @param {number[] | Float64Array} values @returns {number} */
export function mean(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/**
 * Pairs [row, column] of the one-to-one assignment with the largest sum of likeness, none below `least`.
 *
 * The Hungarian method with potentials (Kuhn 1955, Munkres 1957), in O(rows^2 * columns).
 *
 * @param {number[][]} likeness rows of equal length @param {number} least
 * @returns {[number, number][]} by row
 */
export function assign(likeness, least) {
  const rows = likeness.length;
  const columns = rows ? likeness[0].length : 0;
  if (!rows || !columns) return [];
  if (rows > columns) {
    const turned = likeness[0].map((_, column) => likeness.map((row) => row[column]));
    const pairs = assign(turned, least).map(([a, b]) => /** @type {[number, number]} */ ([b, a]));
    return pairs.sort((a, b) => a[0] - b[0]);
  }
  const gain = likeness.map((row) => row.map((value) => (value >= least ? value : 0)));
  const ofRow = new Float64Array(rows + 1);
  const ofColumn = new Float64Array(columns + 1);
  const owner = new Int32Array(columns + 1); // of each column, rows from 1 on, 0 for nobody
  const way = new Int32Array(columns + 1);
  for (let row = 1; row <= rows; row++) {
    const slack = new Float64Array(columns + 1).fill(Infinity);
    const used = new Uint8Array(columns + 1);
    let column = 0;
    owner[0] = row;
    do {
      used[column] = 1;
      const current = owner[column];
      let smallest = Infinity;
      let next = 0;
      for (let j = 1; j <= columns; j++) {
        if (used[j]) continue;
        const cost = -gain[current - 1][j - 1] - ofRow[current] - ofColumn[j];
        if (cost < slack[j]) [slack[j], way[j]] = [cost, column];
        if (slack[j] < smallest) [smallest, next] = [slack[j], j];
      }
      for (let j = 0; j <= columns; j++) {
        if (used[j]) {
          ofRow[owner[j]] += smallest;
          ofColumn[j] -= smallest;
        } else slack[j] -= smallest;
      }
      column = next;
    } while (owner[column]);
    while (column) {
      owner[column] = owner[way[column]];
      column = way[column];
    }
  }
  /** @type {[number, number][]} */
  const pairs = [];
  for (let j = 1; j <= columns; j++) if (owner[j] && gain[owner[j] - 1][j - 1] > 0) pairs.push([owner[j] - 1, j - 1]);
  return pairs.sort((a, b) => a[0] - b[0]);
}
