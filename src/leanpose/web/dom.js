/** The page's elements, and its two lines of text: what goes on, and what went wrong. */

/** @template {HTMLElement} T @param {string} id @param {new () => T} kind @returns {T} */
export function element(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

/** @param {string} text */
export function say(text) {
  element("status", HTMLParagraphElement).textContent = text;
}

/** @param {string} text nothing takes the last complaint away */
export function complain(text) {
  const alert = element("alert", HTMLParagraphElement);
  alert.hidden = !text;
  alert.textContent = text;
}

/** @param {unknown} error */
export function reason(error) {
  return error instanceof Error ? error.message : String(error);
}
