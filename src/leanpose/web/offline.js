/**
 * A service worker that keeps the page for times without a network, once somebody used it over https.
 *
 * The page's own files are kept at once, the runtime and models when they were used, so that nobody loads what is not
 * wanted. Another export is another BUILD, which browsers see at the next visit and load as a whole.
 */

const BUILD = "not built"; // this line and the next are filled in by leanpose export --web
const FILES = /** @type {string[]} */ ([]);
const LARGE = /^(models|runtime)\//;
const NAME = `leanpose-page-${BUILD}`;

// TypeScript has the types of either pages or service workers
const scope = /** @type {any} */ (self);
const root = new URL("./", scope.location.href).href;
const known = new Set(FILES.map((file) => root + file));

scope.addEventListener("install", (/** @type {any} */ event) => {
  event.waitUntil(keep(FILES.filter((file) => !LARGE.test(file))).then(() => scope.skipWaiting()));
});

scope.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(forgetOthers().then(() => scope.clients.claim()));
});

scope.addEventListener("message", (/** @type {any} */ event) => {
  event.waitUntil(keep(event.data.filter((/** @type {string} */ file) => FILES.includes(file))));
});

scope.addEventListener("fetch", (/** @type {any} */ event) => {
  const address = event.request.url.replace(/[?#].*$/, "");
  const file = address === root ? `${root}index.html` : address;
  if (event.request.method === "GET" && known.has(file)) event.respondWith(answer(file));
});

/** @param {string[]} files */
async function keep(files) {
  const cache = await caches.open(NAME);
  for (const file of files) if (!(await cache.match(root + file))) await cache.add(root + file);
}

async function forgetOthers() {
  const others = (await caches.keys()).filter((name) => name.startsWith("leanpose-page-") && name !== NAME);
  await Promise.all(others.map((name) => caches.delete(name)));
}

/** What is kept, or what the host has, with the headers that give WebAssembly its threads. @param {string} address */
async function answer(address) {
  const cache = await caches.open(NAME);
  const found = (await cache.match(address)) ?? (await fetch(address));
  const headers = new Headers(found.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(found.body, { status: found.status, statusText: found.statusText, headers });
}
