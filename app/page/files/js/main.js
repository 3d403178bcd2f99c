import { Access } from "./access.js";
import { Api, LOWEST_CONFIDENCE, asProblem, unreached } from "./api.js";
import { by } from "./dom.js";
import { Gallery } from "./gallery.js";
import { onChoose, onDrop, onPaste } from "./intake.js";
import { prepare } from "./picture.js";
import { View } from "./view.js";
import { bytes } from "./words.js";

const limit = Number(document.querySelector("meta[name=max-body-bytes]")?.getAttribute("content"));
const api = new Api();
const gallery = new Gallery(api, limit);
const view = new View((item) => select(item));
const slider = by.confidence;
const access = new Access(api, (model) => {
  view.locked = !!api.key;
  view.describe(model);
  if (!gallery.items.length) {
    slider.value = `${Math.max(LOWEST_CONFIDENCE, model.thresholds.confidence)}`;
    view.choose({ confidence: Number(slider.value) });
  }
  gallery.retry(({ code }) => code === "AccessDenied");
});
/** @type {import("./later/zoom.js").Zoom | null} */
let zoom = null;
/** @type {AbortController | null} */
let camera = null;
/** @type {Frame | null} */
let frame = null;
let frames = 0;
let again = () => {};

if (limit) by.limit.textContent = `Files of up to ${bytes(limit)}.`;

/**
 * A part of the page that is loaded when it is first used.
 * @template T
 * @param {Promise<T>} module
 * @returns {Promise<T>}
 */
async function part(module) {
  try {
    return await module;
  } catch {
    throw unreached();
  }
}

/**
 * Does something that may fail, and tells of it.
 * @param {() => Promise<void>} action
 */
async function attempt(action) {
  again = () => attempt(action);
  view.tell(null);
  try {
    await action();
  } catch (error) {
    const problem = asProblem(error);
    if (problem.code === "AccessDenied") access.ask(api.key);
    else view.tell(problem);
  }
}

/** What is needed beside the first picture. */
async function loadParts() {
  if (zoom) return;
  const say = (/** @type {string} */ text) => view.say(text);
  const [zooming, code] = await part(
    Promise.all([import("./later/zoom.js"), import("./later/code.js")]),
  );
  zoom ??= new zooming.Zoom(say);
  view.panel ??= new code.Panel(say);
  view.showCode();
}

/** @type {Item | null} */
let last = null;
gallery.addEventListener("change", () => {
  const { items, selected } = gallery;
  if (selected !== last) zoom?.reset();
  last = selected;
  view.show(items, selected);
  if (selected?.problem?.code === "AccessDenied" && by.access.hidden) access.ask(api.key);
});

/** The browser's Back leads from the pictures to the welcome, and Forward to the pictures again. */
function enter() {
  view.away = false;
  if (!history.state?.work) history.pushState({ work: true }, "");
}

addEventListener("popstate", () => {
  view.away = !history.state?.work;
  stopCamera();
});
addEventListener("beforeunload", (event) => {
  if (gallery.items.length > 1) event.preventDefault(); // The browser asks whether to leave.
});
if (history.state?.work) history.replaceState(null, ""); // The page was loaded anew.

/** @param {Item[]} items */
function add(items) {
  if (!items.length) return;
  enter();
  gallery.add(items);
  stopCamera(); // After the pictures came: without any, it leads back to the welcome.
  if (!zoom) attempt(loadParts);
}

/** @param {Item} item */
function select(item) {
  stopCamera();
  gallery.select(item);
}

/** @param {File[]} files */
function take(files) {
  add(files.map((file) => Gallery.item({ name: file.name || "picture", file })));
}
onDrop(by.dropHere, take);
onPaste(take);
onChoose(by.files, "choose", take);
onChoose(by.photo, "photograph", take);

for (const button of document.querySelectorAll("[data-sample]")) {
  const sample = new URL(button.getAttribute("data-sample") ?? "", document.baseURI).href;
  const name = sample.split("/").pop() ?? "sample";
  const open = async () => {
    const file = await (await part(fetch(sample))).blob();
    add([Gallery.item({ name, sample, file })]);
  };
  button.addEventListener("click", () => attempt(open));
}

async function startCamera() {
  const { signal } = (camera = new AbortController());
  frame = null;
  view.tell(null, "Opening the camera …");
  try {
    const { Live } = await part(import("./later/live.js"));
    const live = new Live(by.video, api, (next) => view.showFrame((frame = next)));
    await live.run(signal, () => {
      view.tell(null);
      enter();
      zoom?.reset();
      view.startLive();
      view.show(gallery.items, gallery.selected);
      if (!zoom) loadParts().catch(() => {}); // The camera works without.
    });
  } catch (error) {
    if (signal.aborted) return;
    stopCamera();
    throw error;
  }
}

function stopCamera() {
  if (camera) view.tell(null);
  camera?.abort();
  camera = null;
  if (view.live) view.stopLive();
  if (!gallery.items.length) leave();
  view.show(gallery.items, gallery.selected);
}

function leave() {
  if (history.state?.work) history.back();
}

async function keepFrame() {
  if (!frame) return;
  const { file, width, height, answer } = frame;
  const { thumb } = await prepare(file);
  frames += 1;
  const name = `frame-${frames}.jpg`;
  add([Gallery.item({ name, file, size: { width, height }, thumb, shown: file, answer })]);
}

async function save() {
  const item = gallery.selected;
  if (!item) return;
  const { download, withBoxes } = await part(import("./later/export.js"));
  const { name, content } = await withBoxes(api, item, view.choice);
  download(content, name);
}

/** @param {string} form */
async function exportAll(form) {
  const { download, pictures, table } = await part(import("./later/export.js"));
  const items = gallery.items.filter(({ answer }) => answer);
  const choice = { ...view.choice };
  if (form !== "zip") {
    const { name, content } = table(form, items, choice, view.labels);
    return download(content, name);
  }
  const progress = (/** @type {number} */ done) =>
    view.tell(null, `Drawing picture ${done + 1} of ${items.length} …`);
  const { name, content, left } = await pictures(api, items, choice, progress);
  download(content, name);
  const words = left === 1 ? "1 picture could not be drawn." : `${left} pictures could not be drawn.`;
  view.tell(null, left ? words : "");
}

/** @param {number} step */
function go(step) {
  const items = view.visible;
  const item = items[items.findIndex((one) => one === gallery.selected) + step];
  if (item) gallery.select(item);
}

function remove() {
  const item = gallery.selected;
  if (!item || view.live) return;
  gallery.remove(item);
  if (!gallery.items.length) leave();
  else view.say(`${item.name} removed. ${by.name.textContent}, ${by.place.textContent}`);
}

/** @type {Record<string, () => void>} */
const KEYS = {
  ArrowLeft: () => go(-1),
  ArrowRight: () => go(1),
  Delete: remove,
  "+": () => zoom?.step(1),
  "=": () => zoom?.step(1),
  "-": () => zoom?.step(-1),
  0: () => zoom?.step(0),
};
addEventListener("keydown", (event) => {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  const own = "input, select, pre, [role=tab], .zoomed";
  const typing = target instanceof Element && target.closest(own) && !"+=-0".includes(key);
  if (!KEYS[key] || typing || ctrlKey || metaKey || altKey) return;
  if (by.work.hidden || (target instanceof Element && target.closest("input, select"))) return;
  if (view.live && key.length > 1) return;
  event.preventDefault();
  KEYS[key]();
});

/**
 * @param {string} selector
 * @param {(button: HTMLElement) => void} action
 */
function onClick(selector, action) {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(selector))) {
    button.addEventListener("click", () => action(button));
  }
}
onClick("[data-do=live]", () => {
  stopCamera();
  attempt(startCamera);
});
onClick("[data-zoom]", ({ dataset }) => zoom?.step(Number(dataset.zoom)));
onClick("[data-export]", ({ dataset }) => {
  by.export.open = false;
  attempt(() => exportAll(dataset.export ?? ""));
});
onClick("#keep", keepFrame);
onClick("#stop", stopCamera);
onClick("#save", () => attempt(save));
onClick("#previous", () => go(-1));
onClick("#next", () => go(1));
onClick("#remove", remove);
onClick("#resume", () => history.forward());
onClick("#noticeAgain", () => again());
onClick("#noticeClose", () => view.tell(null));
onClick("#retry", () => gallery.retry((problem) => problem.again));
onClick("#clear", () => {
  gallery.clear();
  leave();
});
slider.addEventListener("input", () => view.choose({ confidence: Number(slider.value) }));
by.label.addEventListener("change", () => view.choose({ label: by.label.value }));
addEventListener("online", () => gallery.retry(({ unreached }) => unreached));

view.choose({ confidence: Number(slider.value) });
access.open();
