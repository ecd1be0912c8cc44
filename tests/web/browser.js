/**
 * Drives the page in headless Chromium, as a user would, and prints what it showed as JSON:
 *
 *     node browser.js PAGE MODULES '{"do": "pictures", "files": [...], "out": "found.json"}'
 *
 * PAGE is a folder of `leanpose export --web`, MODULES one in which `npm ci` was run with the page's package.json.
 * Other things to do: "video" (one file), "camera" (the fake one, or `y4m` as one), "shots" (pictures of the page).
 * "offline" opens it again after its server is gone, for `host`, a name that stands for this machine. `isolated: false`
 * leaves out the headers that give WebAssembly its threads.
 */

import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { serve } from "./site.js";

const [pageFolder, modules, text] = process.argv.slice(2);
const task = JSON.parse(text);
const { default: puppeteer } = await import(createRequire(resolve(modules, "package.json")).resolve("puppeteer-core"));
const site = await serve(resolve(pageFolder), { isolated: task.isolated ?? true });
const downloads = mkdtempSync(join(tmpdir(), "leanpose-page-"));
const fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
if (task.y4m) fake.push(`--use-file-for-fake-video-capture=${resolve(task.y4m)}`);
const address = task.host ? site.address.replace("127.0.0.1", task.host) : site.address;
if (task.host) {
  fake.push(`--host-resolver-rules=MAP ${task.host} 127.0.0.1`);
  fake.push(`--unsafely-treat-insecure-origin-as-secure=${address.slice(0, -1)}`); // as if it were https
}
const browser = await puppeteer.launch({
  executablePath: task.chromium ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required", ...fake],
  protocolTimeout: 600_000,
});
/** @type {string[]} */
const complaints = [];
/** @type {string[]} */
const elsewhere = [];

/** @param {any} page @param {string} id */
const textOf = (page, id) =>
  page.$eval(`#${id}`, (/** @type {HTMLElement} */ node) => (node.hidden ? "" : (node.textContent ?? "")));

/** @param {any} page @param {RegExp} wanted @param {number} [seconds] */
async function statusIs(page, wanted, seconds = 300) {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    const [status, alert] = [await textOf(page, "status"), await textOf(page, "alert")];
    if (wanted.test(status)) return status;
    if (Date.now() > until || (alert && !task.alertsAllowed))
      throw new Error(`status "${status}", alert "${alert}", ${complaints}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function open() {
  const page = await browser.newPage();
  await page.setViewport({ width: task.width ?? 1280, height: task.height ?? 800 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: task.scheme ?? "light" }]);
  page.on("console", (/** @type {any} */ message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (/** @type {any} */ error) => complaints.push(String(error)));
  page.on("request", (/** @type {any} */ request) => {
    const url = request.url();
    if (!url.startsWith(address) && !/^(blob|data):/.test(url)) elsewhere.push(url);
  });
  const session = await page.createCDPSession();
  await session.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: downloads });
  await page.goto(address);
  await statusIs(page, /^Ready/);
  if (task.model) {
    await page.select("#model", task.model);
    await statusIs(page, new RegExp(`^Ready: ${task.model}`));
  }
  if (task.skeleton) await page.select("#skeleton", task.skeleton);
  if (task.everyFrame) await page.click("#every-frame");
  return page;
}

/** @param {any} page @param {string} id @param {string} out */
async function download(page, id, out) {
  await page.click(`#${id}`);
  for (let tries = 0; tries < 200; tries++) {
    const [name] = readdirSync(downloads).filter((one) => !one.endsWith(".crdownload"));
    if (name) {
      rmSync(out, { force: true });
      return renameSync(join(downloads, name), out);
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`nothing was downloaded by #${id}`);
}

/** @param {any} page */
const figures = (page) =>
  page.$$eval("#figures tr", (/** @type {HTMLElement[]} */ rows) =>
    Object.fromEntries(rows.map((row) => [row.children[0].textContent, row.children[1].textContent])),
  );

try {
  const page = await open();
  let status = "";
  if (task.do === "pictures" || task.do === "video") {
    const input = await page.$(task.do === "video" ? "#movie" : "#pictures");
    await input.uploadFile(...task.files.map((/** @type {string} */ file) => resolve(file)));
    status = await statusIs(
      page,
      task.do === "video" ? /: ended/ : /people\. Shown|: (1 person|nobody found|\d+ people)\.$/,
    );
  } else if (task.do === "camera") {
    await page.click("#camera");
    await statusIs(page, /^The camera is on/);
    await new Promise((done) => setTimeout(done, 1000 * task.seconds));
  }
  if (task.do === "offline") {
    const firstThreads = await textOf(page, "threads");
    const kept = () =>
      page.evaluate(async () => {
        const found = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
        return found.flat().map((request) => new URL(request.url).pathname.slice(1));
      });
    for (let tries = 0; tries < 200 && !(await kept()).includes(`models/${task.model}.onnx`); tries++) {
      await new Promise((done) => setTimeout(done, 50));
    }
    site.close();
    await page.reload();
    await statusIs(page, new RegExp(`^Ready: ${task.model}`));
    const threads = await textOf(page, "threads");
    const quiet = { complaints: [], elsewhere, sent: [], wide: false };
    console.log(JSON.stringify({ firstThreads, threads, kept: await kept(), ...quiet }));
    await browser.close();
    process.exit(0);
  }
  const shown = await figures(page);
  if (task.shot) await page.screenshot({ path: task.shot, fullPage: task.fullPage ?? true });
  if (task.do === "camera") {
    await page.click("#camera");
    status = await statusIs(page, /^Camera stopped/);
  }
  if (task.out) await download(page, "json", task.out);
  if (task.csv) await download(page, "csv", task.csv);
  const threads = await textOf(page, "threads");
  const label = await page.$eval("#view", (/** @type {HTMLElement} */ node) => node.getAttribute("aria-label"));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  const sent = site.asked.filter((line) => !line.startsWith("GET "));
  console.log(
    JSON.stringify({
      status,
      threads,
      label,
      figures: shown,
      complaints,
      elsewhere,
      sent,
      alert: await textOf(page, "alert"),
      wide,
    }),
  );
} finally {
  await browser.close();
  site.close();
  rmSync(downloads, { recursive: true, force: true });
}
process.exit(0);
