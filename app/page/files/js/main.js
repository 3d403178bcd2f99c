import { accessForm } from "./access.js";
import { Api, LOWEST_CONFIDENCE, Problem } from "./api.js";
import { by } from "./dom.js";
import { Gallery } from "./gallery.js";
import { onChoose, onDrop, onPaste } from "./intake.js";
import { Live } from "./live.js";
import { View } from "./view.js";

const api = new Api();
const gallery = new Gallery(api);
const view = new View((item) => {
  stopCamera();
  gallery.select(item);
});
const slider = by.confidence;
const askForKey = accessForm((key) => {
  api.key = key;
  view.locked = true;
  gallery.retry(({ problem }) => problem?.code === "AccessDenied");
  describeModel();
});

/** @type {Frame | null} */
let frame = null;
let frames = 0;
const live = new Live(by.video, api, (next) => {
  frame = next;
  view.showFrame(next);
});

gallery.addEventListener("change", () => {
  view.show(gallery.items, gallery.selected);
  const problem = gallery.selected?.problem;
  if (problem?.code === "AccessDenied") askForKey(problem.detail);
});
slider.addEventListener("input", () => view.sift(Number(slider.value)));

/** @param {File[]} files */
function take(files) {
  stopCamera();
  gallery.add(files.map((file) => ({ name: file.name || "picture", file })));
}
onDrop(by.dropHere, take);
onPaste(take);
onChoose(by.files, "choose", take);
onChoose(by.photo, "photograph", take);

for (const button of document.querySelectorAll("[data-sample]")) {
  button.addEventListener("click", async () => {
    const sample = new URL(button.getAttribute("data-sample") ?? "", document.baseURI).href;
    const name = sample.split("/").pop() ?? "sample";
    gallery.add([{ name, sample, file: await (await fetch(sample)).blob() }]);
  });
}

async function startCamera() {
  frame = null;
  view.startLive();
  try {
    await live.run();
  } catch (error) {
    live.stop();
    const problem = error instanceof Problem ? error : new Problem("The camera stopped", `${error}`);
    if (problem.code === "AccessDenied") askForKey(problem.detail);
    view.stopLive(problem);
  }
}

function stopCamera() {
  live.stop();
  view.stopLive(null);
  view.show(gallery.items, gallery.selected);
}

function keepFrame() {
  if (!frame) return;
  const { file, width, height, answer } = frame;
  const picture = { upload: file, url: URL.createObjectURL(file), width, height, scaled: "" };
  live.stop();
  view.stopLive(null);
  frames += 1;
  const name = `frame-${frames}.jpg`;
  gallery.keep({ name, sample: "", file, picture, answer, problem: null });
}

async function save() {
  const item = gallery.selected;
  if (!item?.picture) return;
  try {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await api.drawn(item.picture.upload, Number(slider.value)));
    link.download = `${item.name.replace(/\.\w+$/, "")}-boxes.jpg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    view.say(error instanceof Problem ? error.detail : String(error));
  }
}

function clear() {
  stopCamera();
  gallery.clear();
}

for (const button of document.querySelectorAll('[data-do="live"]')) {
  button.addEventListener("click", startCamera);
}
by.keep.addEventListener("click", keepFrame);
by.stop.addEventListener("click", stopCamera);
by.save.addEventListener("click", save);
by.clear.addEventListener("click", clear);
by.retry.addEventListener("click", () => {
  if (view.live) startCamera();
  else gallery.retry((item) => item === gallery.selected);
});

async function describeModel() {
  try {
    const model = await api.model();
    view.describe(model);
    slider.value = `${Math.max(LOWEST_CONFIDENCE, model.thresholds.confidence)}`;
    view.sift(Number(slider.value));
  } catch (error) {
    if (error instanceof Problem && error.code === "AccessDenied") askForKey(error.detail);
  }
}

view.sift(Number(slider.value));
describeModel();
