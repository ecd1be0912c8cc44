/** People drawn on a canvas, in the colours and shapes of leanpose/pose/drawing.py. */

import { seen } from "./view.js";

/** @import {Found, Person, Skeleton} from "./types.js" */

const DARK = "rgb(20 20 25)";
const LIGHT = "rgb(250 250 250)";
const NOBODY = { left: "rgb(86 180 233)", right: "rgb(178 70 0)" }; // people without ids
const GOLDEN_ANGLE = 180 * (3 - Math.sqrt(5)); // degrees from id to id

/** @typedef {{fill: string, rim: string, square: boolean}} Side */
/** @typedef {{left: Side, right: Side, centre: Side}} Colours */

/**
 * A hue for each id; left light with a dark rim, right dark with a light rim and square.
 *
 * @param {number | null} id
 * @returns {Colours}
 */
export function personColours(id) {
  const hue = id === null ? 0 : (id * GOLDEN_ANGLE) % 360;
  const left = id === null ? NOBODY.left : `lch(82% 52 ${hue})`;
  const right = id === null ? NOBODY.right : `lch(42% 58 ${hue})`;
  return {
    left: { fill: left, rim: DARK, square: false },
    right: { fill: right, rim: LIGHT, square: true },
    centre: { fill: LIGHT, rim: DARK, square: false },
  };
}

/** The side of a joint, or of a limb between two. @param {Colours} colours @param {string[]} joints */
function sideOf(colours, ...joints) {
  const left = joints.some((joint) => joint.startsWith("left_"));
  const right = joints.some((joint) => joint.startsWith("right_"));
  if (left === right) return colours.centre;
  return left ? colours.left : colours.right;
}

/**
 * Draws people over what the canvas shows, in the pixels of the picture they were found in, to which it is scaled.
 *
 * @param {CanvasRenderingContext2D} canvas @param {Found} found @param {string[]} joints of the model
 * @param {Skeleton} skeleton to be shown @param {number} minScore joints below are left out
 */
export function drawPeople(canvas, found, joints, skeleton, minScore) {
  for (const person of found.people) drawPerson(canvas, seen(person, joints, skeleton), skeleton, minScore);
  canvas.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} canvas @param {Person} person @param {Skeleton} skeleton @param {number} minScore
 */
function drawPerson(canvas, person, skeleton, minScore) {
  const colours = personColours(person.id);
  // our pixel centres lie at integers, a canvas counts from the corner
  const at = skeleton.joints.map((_, joint) => [
    person.keypoints[2 * joint] + 0.5,
    person.keypoints[2 * joint + 1] + 0.5,
  ]);
  const shown = skeleton.joints.map((_, joint) => person.scores[joint] >= minScore && at[joint].every(Number.isFinite));
  const points = at.filter((_, joint) => shown[joint]);
  if (!points.length) return;
  const [x, y] = [0, 1].map((axis) => points.map((point) => point[axis]));
  const hull = Math.max(Math.max(...x) - Math.min(...x), Math.max(...y) - Math.min(...y));
  const extent = points.length > 1 ? hull : Math.max(person.box[2] - person.box[0], person.box[3] - person.box[1]);
  const half = Math.min(Math.max(extent / 120, 1), 12);
  const radius = 1.8 * half;
  const rim = Math.max(1, 0.5 * half);
  /** @param {number} joint */
  const opacity = (joint) => 0.35 + (0.65 * (person.scores[joint] - minScore)) / Math.max(1 - minScore, 1e-6);
  const indices = skeleton.limbs.map((limb) => limb.map((name) => skeleton.joints.indexOf(name)));
  const limbs = indices.filter(([a, b]) => shown[a] && shown[b]);
  for (const grow of [rim, 0]) {
    for (const [a, b] of limbs) {
      const side = sideOf(colours, skeleton.joints[a], skeleton.joints[b]);
      canvas.globalAlpha = Math.min(opacity(a), opacity(b));
      canvas.strokeStyle = grow ? side.rim : side.fill;
      canvas.lineWidth = 2 * (half + grow);
      canvas.beginPath();
      canvas.moveTo(at[a][0], at[a][1]);
      canvas.lineTo(at[b][0], at[b][1]);
      canvas.stroke();
    }
  }
  skeleton.joints.forEach((name, joint) => {
    if (!shown[joint]) return;
    const side = sideOf(colours, name);
    canvas.globalAlpha = opacity(joint);
    for (const grow of [rim, 0]) {
      canvas.fillStyle = grow ? side.rim : side.fill;
      mark(canvas, at[joint][0], at[joint][1], radius + grow, side.square);
    }
  });
  if (person.id !== null) writeId(canvas, String(person.id), points, hull, colours.left.fill);
}

/**
 * A disc, or a square of the same area.
 *
 * @param {CanvasRenderingContext2D} canvas @param {number} x @param {number} y @param {number} radius
 * @param {boolean} square
 */
function mark(canvas, x, y, radius, square) {
  const half = (radius * Math.sqrt(Math.PI)) / 2;
  canvas.beginPath();
  if (square) canvas.rect(x - half, y - half, 2 * half, 2 * half);
  else canvas.arc(x, y, radius, 0, 2 * Math.PI);
  canvas.fill();
}

/**
 * Above the highest joint.
 *
 * @param {CanvasRenderingContext2D} canvas @param {string} text @param {number[][]} points @param {number} extent
 * @param {string} colour
 */
function writeId(canvas, text, points, extent, colour) {
  const size = Math.min(canvas.canvas.height, canvas.canvas.width) / canvas.getTransform().a / 20;
  const top = points.reduce((best, point) => (point[1] < best[1] ? point : best));
  const y = Math.max(top[1] - extent / 30 - size / 3, size);
  canvas.globalAlpha = 1;
  canvas.font = `600 ${size}px system-ui, sans-serif`;
  canvas.textAlign = "center";
  canvas.lineWidth = size / 5;
  canvas.lineJoin = "round";
  canvas.strokeStyle = DARK;
  canvas.fillStyle = colour;
  canvas.strokeText(text, top[0], y);
  canvas.fillText(text, top[0], y);
}
