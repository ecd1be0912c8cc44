/** The page is kept for times without a network, where a service worker may do so. */

// another program may listen there tomorrow, and would never be seen
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** Whether the browser lets a page of this address be kept. */
export function canBeKept() {
  return self.isSecureContext && "serviceWorker" in navigator && !LOOPBACK.includes(location.hostname);
}

/** Keeps the page, and what of its models and runtime was used. @param {string[]} used addresses below the page's */
export async function keepPage(used) {
  if (!canBeKept()) return;
  await navigator.serviceWorker.register("offline.js");
  const { active } = await navigator.serviceWorker.ready;
  active?.postMessage(used);
}
