/** Frames per second, and milliseconds by stage, as a table. */

/** @import {Stages} from "./types.js" */

const STAGES = ["read", "detect", "crop", "infer", "decode", "track"];
const WORDS = /** @type {Record<string, string>} */ ({
  read: "Read pixels",
  detect: "Find people",
  crop: "Cut out",
  infer: "Network",
  decode: "Joints",
  track: "Ids, smoothing",
});
const SPAN = 2000; // milliseconds that the figures are means of
const PAUSE = 250; // milliseconds from one change of the table to the next

export class Figures {
  /** @param {HTMLTableSectionElement} table */
  constructor(table) {
    this.table = table;
    /** @type {{at: number, stages: Stages}[]} */
    this.recent = [];
    this.drawn = -Infinity;
    this.clear();
  }

  clear() {
    this.recent = [];
    this.drawn = -Infinity;
    this.#write(null, {});
  }

  /** @param {Stages} stages of a frame @param {boolean} running whether it is one of a video */
  add(stages, running) {
    const at = performance.now();
    this.recent = running ? this.recent.filter((one) => at - one.at < SPAN) : [];
    this.recent.push({ at, stages });
    if (running && at - this.drawn < PAUSE) return;
    this.drawn = at;
    const first = this.recent[0].at;
    const fps = this.recent.length > 1 ? ((this.recent.length - 1) * 1000) / (at - first) : null;
    /** @type {Stages} */
    const means = {};
    for (const stage of STAGES) {
      means[stage] = this.recent.reduce((sum, one) => sum + (one.stages[stage] ?? 0), 0) / this.recent.length;
    }
    this.#write(running ? fps : null, means);
  }

  /** @param {number | null} fps @param {Stages} means */
  #write(fps, means) {
    const total = STAGES.reduce((sum, stage) => sum + (means[stage] ?? 0), 0);
    const rows = [
      ["Frames per second", fps === null ? "–" : fps.toFixed(1)],
      ...STAGES.map((stage) => [WORDS[stage], stage in means ? `${means[stage].toFixed(1)} ms` : "–"]),
      ["All of it", total ? `${total.toFixed(1)} ms` : "–"],
    ];
    this.table.replaceChildren(
      ...rows.map(([name, value]) => {
        const row = document.createElement("tr");
        const head = Object.assign(document.createElement("th"), { scope: "row", textContent: name });
        row.append(head, Object.assign(document.createElement("td"), { textContent: value }));
        return row;
      }),
    );
  }
}
