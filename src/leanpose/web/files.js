/** People as files: the JSON schema and the CSV of leanpose/pose/formats.py, which `leanpose` reads back. */

import { seen } from "./view.js";

/** @import {Found, Person, Skeleton} from "./types.js" */

const COLUMNS = "file,frame,time,person,id,joint,x,y,score,box_x1,box_y1,box_x2,box_y2,box_score,uncertainty";

/** To thousandths of a pixel, or null for NaN. @param {number} value */
function rounded(value) {
  return Number.isFinite(value) ? Math.round(value * 1000) / 1000 : null;
}

/** @param {Person} person @returns {(number | null)[][]} */
function triples(person) {
  return Array.from(person.scores, (score, joint) => {
    return [rounded(person.keypoints[2 * joint]), rounded(person.keypoints[2 * joint + 1]), rounded(score)];
  });
}

/**
 * @param {Found[]} images @param {string[]} joints of the model @param {Skeleton} skeleton of the file
 * @returns {string} JSON of schema leanpose.poses, version 1
 */
export function toJson(images, joints, skeleton) {
  const { name, limbs, sigmas, torso } = skeleton;
  return JSON.stringify({
    schema: "leanpose.poses",
    version: 1,
    skeleton: { name, joints: skeleton.joints, limbs, sigmas, torso },
    images: images.map(({ source, frame, time, height, width, people }) => ({
      source,
      ...(frame === undefined ? {} : { frame, time }),
      height,
      width,
      people: people
        .map((one) => seen(one, joints, skeleton))
        .map((person) => ({
          id: person.id,
          box: person.box.map(rounded),
          score: rounded(person.boxScore),
          keypoints: triples(person),
          ...(person.uncertainties ? { uncertainties: Array.from(person.uncertainties, rounded) } : {}),
        })),
    })),
  });
}

/**
 * One row for each joint, empty cells for what is not known; an image with nobody in it has one row.
 *
 * @param {Found[]} images @param {string[]} joints of the model @param {Skeleton} skeleton of the file
 */
export function toCsv(images, joints, skeleton) {
  const lines = [COLUMNS];
  for (const { source, frame, time, people } of images) {
    const where = [quoted(source ?? ""), frame ?? "", time ?? ""];
    if (!people.length)
      lines.push(
        [
          ...where,
          ...COLUMNS.split(",")
            .slice(3)
            .map(() => ""),
        ].join(","),
      );
    people.forEach((one, number) => {
      const person = seen(one, joints, skeleton);
      const box = [...person.box.map(rounded), rounded(person.boxScore)];
      triples(person).forEach((triple, joint) => {
        const unsure = person.uncertainties ? rounded(person.uncertainties[joint]) : null;
        const cells = [
          ...where,
          number,
          person.id ?? "",
          skeleton.joints[joint],
          ...triple.map((v) => v ?? ""),
          ...box,
          unsure ?? "",
        ];
        lines.push(cells.join(","));
      });
    });
  }
  return lines.join("\n") + "\n";
}

/** @param {string} text */
function quoted(text) {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Hands the user a file. @param {string} text @param {string} type @param {string} name */
export function save(text, type, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
