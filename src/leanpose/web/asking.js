/** Questions to the worker, which answers those that are asked in their order. */

/** @import {Answer, Question} from "./worker.js" */

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
/** @type {((answer: Answer) => void)[]} */
const waiting = [];
worker.onmessage = (/** @type {MessageEvent<Answer>} */ { data }) => waiting.shift()?.(data);

/**
 * A model to load, a picture or a frame to look at.
 *
 * @param {Question} question @param {Transferable[]} [transfer]
 * @returns {Promise<Answer>}
 */
export function ask(question, transfer = []) {
  return new Promise((resolve) => {
    waiting.push(resolve);
    worker.postMessage(question, transfer);
  });
}

/** What has no answer: settings, and that another video begins. @param {Question} question */
export function tell(question) {
  worker.postMessage(question);
}

/** @param {(message: string) => void} listener */
export function whenBroken(listener) {
  worker.onerror = (/** @type {ErrorEvent} */ event) => listener(event.message || "the worker did not start");
}
