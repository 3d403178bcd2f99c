import { Access } from "./access.js";
import { Api, LOWEST_CONFIDENCE } from "./api.js";
import { by, onClick } from "./dom.js";
import { onChoose, onDrop, onPaste } from "./intake.js";
import { attempt, part } from "./notice.js";
import { bytes, plural } from "./words.js";

const limit = Number(document.querySelector("meta[name=max-body-bytes]")?.getAttribute("content"));
if (limit) by.limit.textContent = `Files of up to ${bytes(limit)} each.`;

/** @type {Promise<import("./work/work.js").Work> | null} */
let work = null;
const api = new Api();
const access = new Access(api, ({ name, task, labels, thresholds, search }) => {
  by.model.textContent = `${name}, ${plural(labels.length, "label")}`;
  by.labelList.textContent = labels.join(", ");
  if (by.labels.hidden) by.confidence.value = `${Math.max(LOWEST_CONFIDENCE, thresholds.confidence)}`;
  by.labels.hidden = false;
  by.closer.hidden = task === "classify";
  if (search && by.search.hidden) {
    attempt(async () => (await part(import("./search.js"))).openSearch(api));
  }
  work?.then((work) => work.opened());
});

/** Loads what is needed with the first picture. */
function loadWork() {
  work ??= part(import("./work/work.js")).then(({ Work }) => new Work(api, access, limit));
  work.catch(() => (work = null));
  return work;
}

/** @param {{name: string, file: Blob, sample?: string}[]} files */
function add(files) {
  if (files.length) attempt(async () => (await loadWork()).add(files));
}

/** @param {File[]} files */
function take(files) {
  add(files.map((file) => ({ name: file.name || "picture", file })));
}
onDrop(take);
onPaste(take);
onChoose(by.files, "choose", take);
onChoose(by.photo, "photograph", take);
for (const sooner of ["dragenter", "click"]) {
  addEventListener(sooner, () => loadWork().catch(() => {}), { once: true });
}

onClick("[data-sample]", ({ dataset }) => {
  const sample = new URL(dataset.sample ?? "", document.baseURI).href;
  const name = sample.split("/").pop() ?? "sample";
  attempt(async () => add([{ name, sample, file: await (await part(fetch(sample))).blob() }]));
});
onClick("[data-do=live]", () => attempt(async () => (await loadWork()).startCamera()));

access.open();
