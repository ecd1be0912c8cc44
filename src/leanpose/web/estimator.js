/** Pixels to people: detect, crop, infer, decode, and in videos track and smooth. See leanpose/estimate/stream.py. */

import { withoutDoubles, withoutTaken } from "./association.js";
import { probability, radius } from "./calibration.js";
import { decodeTaylor, spread } from "./decode.js";
import { detectedBoxes, detectorInput } from "./detector.js";
import { cellToCrop, cropTransform, imageBox, invert } from "./geometry.js";
import { OneEuroSmoother } from "./smoothing.js";
import { Tracker } from "./tracker.js";
import { normaliseInto, warp } from "./warp.js";

/** @import {Box, DetectorCard, InferBoxes, InferPoses, ModelCard} from "./types.js" */
/** @import {Person, Pixels, ScoredBox, Stages, Transform} from "./types.js" */

const BATCH = 16; // people per run of the network

export class Estimator {
  /**
   * @param {ModelCard} card @param {InferPoses} infer @param {DetectorCard} detectorCard @param {InferBoxes} inferBoxes
   */
  constructor(card, infer, detectorCard, inferBoxes) {
    this.card = card;
    this.infer = infer;
    this.detectorCard = detectorCard;
    this.inferBoxes = inferBoxes;
    this.threshold = detectorCard.threshold;
  }

  /** The people of a picture. @param {Pixels} image @param {Stages} [stages] takes the milliseconds */
  async picture(image, stages = {}) {
    const people = await this.look(image, await this.detect(image, stages), stages);
    return withoutTaken(withoutDoubles(people, this.card.oks_sigmas), this.card.oks_sigmas);
  }

  /** @param {Pixels} image @param {Stages} stages @returns {Promise<ScoredBox[]>} */
  async detect(image, stages) {
    const started = performance.now();
    const { input, height, width, transform } = detectorInput(image, this.detectorCard);
    const candidates = await this.inferBoxes(input, height, width);
    const boxes = detectedBoxes(
      candidates,
      transform,
      image.height,
      image.width,
      this.threshold,
      this.detectorCard.nms_iou,
    );
    add(stages, "detect", started);
    return boxes;
  }

  /**
   * The people in boxes, in the joints of the model.
   *
   * @param {Pixels} image @param {ScoredBox[]} boxes @param {Stages} stages
   * @returns {Promise<Person[]>}
   */
  async look(image, boxes, stages) {
    /** @type {Person[]} */
    const people = [];
    for (let start = 0; start < boxes.length; start += BATCH) {
      people.push(...(await this.#lookAtBatch(image, boxes.slice(start, start + BATCH), stages)));
    }
    return people;
  }

  /** @param {Pixels} image @param {ScoredBox[]} boxes @param {Stages} stages @returns {Promise<Person[]>} */
  async #lookAtBatch(image, boxes, stages) {
    const { card } = this;
    const [height, width] = card.input_hw;
    let started = performance.now();
    const crops = new Float32Array(boxes.length * 3 * height * width);
    const transforms = boxes.map((box) => cropTransform(box, card.input_hw, card.padding));
    transforms.forEach((transform, i) => {
      normaliseInto(
        warp(image, transform, height, width),
        height,
        width,
        card,
        crops,
        i * 3 * height * width,
        height,
        width,
      );
    });
    started = add(stages, "crop", started);
    const heatmaps = await this.infer(crops, boxes.length);
    started = add(stages, "infer", started);
    const joints = card.skeleton.joints.length;
    const size = joints * (height / card.stride) * (width / card.stride);
    const people = boxes.map((box, i) =>
      this.#person(heatmaps.subarray(i * size, (i + 1) * size), transforms[i], box, image),
    );
    add(stages, "decode", started);
    return people;
  }

  /**
   * @param {Float32Array} heatmaps of one person @param {Transform} transform @param {ScoredBox} box
   * @param {Pixels} image
   * @returns {Person}
   */
  #person(heatmaps, transform, box, image) {
    const { card } = this;
    const [height, width] = card.input_hw.map((side) => side / card.stride);
    const joints = card.skeleton.joints.length;
    const back = invert(transform);
    const [x1, y1, x2, y2] = imageBox(image.height, image.width);
    const curves = card.calibration?.curves;
    const keypoints = new Float64Array(2 * joints);
    const scores = new Float64Array(joints);
    const uncertainties = curves ? new Float64Array(joints) : null;
    for (let joint = 0; joint < joints; joint++) {
      const offset = joint * height * width;
      const [cellX, cellY, peak] = decodeTaylor(heatmaps, offset, height, width, card.sigma);
      if (Number.isNaN(cellX)) throw new Error(`model ${card.name} gave heatmaps that are not finite`);
      const x = back.zoomX * cellToCrop(cellX, card.stride, card.cell_offset) + back.shiftX;
      const y = back.zoomY * cellToCrop(cellY, card.stride, card.cell_offset) + back.shiftY;
      keypoints[2 * joint] = x;
      keypoints[2 * joint + 1] = y;
      const inside = x >= x1 && y >= y1 && x <= x2 && y <= y2;
      if (inside) scores[joint] = curves ? probability(curves, peak) : peak;
      if (curves && uncertainties) {
        const cells = spread(heatmaps, offset, height, width, cellX, cellY);
        uncertainties[joint] = radius(curves, peak, cells) * card.stride * Math.sqrt(back.zoomX * back.zoomY);
      }
    }
    return { keypoints, scores, uncertainties, box: /** @type {Box} */ (box.slice(0, 4)), boxScore: box[4], id: null };
  }
}

/** The people of one video, frame by frame, with ids and steadied. */
export class PoseTracking {
  /** @param {Estimator} estimator */
  constructor(estimator) {
    this.estimator = estimator;
    this.tracker = new Tracker(estimator.card.oks_sigmas);
    this.smoother = new OneEuroSmoother();
    this.size = [0, 0];
  }

  /**
   * @param {Pixels} image @param {number} time seconds, after that of the frame before @param {Stages} [stages]
   * @returns {Promise<Person[]>}
   */
  async step(image, time, stages = {}) {
    const { estimator, tracker } = this;
    const resized = image.height !== this.size[0] || image.width !== this.size[1];
    const due = resized || tracker.needsDetection();
    const found = due ? await estimator.detect(image, stages) : [];
    let started = performance.now();
    const looked = resized ? [] : tracker.predictedBoxes(time, found, image.height, image.width);
    add(stages, "track", started);
    const people = await estimator.look(image, [...found, ...looked], stages);
    started = performance.now();
    const detected = withoutDoubles(people.slice(0, found.length), estimator.card.oks_sigmas);
    const tracked = tracker.update([...detected, ...people.slice(found.length)], time, looked.length, due);
    const steady = this.smoother.update(tracked, time);
    add(stages, "track", started);
    this.size = [image.height, image.width];
    return steady;
  }
}

/** @param {Stages} stages @param {string} name @param {number} started @returns {number} now */
function add(stages, name, started) {
  const now = performance.now();
  stages[name] = (stages[name] ?? 0) + now - started;
  return now;
}
