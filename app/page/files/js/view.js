import { copy } from "./copy.js";
import { curl, fetchCode, json, python } from "./code.js";
import { find } from "./dom.js";
import { ObjectList } from "./objects.js";
import { Overlay } from "./overlay.js";
import { counts, percent, sift } from "./sift.js";
import { Strip } from "./strip.js";
import { Tabs } from "./tabs.js";
import { showTiming } from "./timing.js";

/**
 * @typedef {import("./api.js").Answer} Answer
 * @typedef {import("./api.js").Problem} Problem
 * @typedef {import("./gallery.js").Item} Item
 */

const by = {
  welcome: find("welcome", HTMLElement),
  work: find("work", HTMLElement),
  stage: find("stage", HTMLElement),
  frame: find("frame", HTMLElement),
  picture: find("picture", HTMLImageElement),
  video: find("video", HTMLVideoElement),
  boxes: find("boxes", SVGSVGElement),
  noPicture: find("no-picture", HTMLElement),
  found: find("found", HTMLElement),
  headline: find("headline", HTMLElement),
  hint: find("hint", HTMLElement),
  objects: find("objects", HTMLElement),
  timing: find("timing", HTMLElement),
  problem: find("problem", HTMLElement),
  problemTitle: find("problem-title", HTMLElement),
  problemDetail: find("problem-detail", HTMLElement),
  problemCode: find("problem-code", HTMLElement),
  confidence: find("confidence-value", HTMLOutputElement),
  slider: find("confidence", HTMLInputElement),
  code: find("code", HTMLElement),
  copy: find("copy", HTMLButtonElement),
  status: find("status", HTMLElement),
  model: find("model", HTMLElement),
  labels: find("labels", HTMLElement),
  labelList: find("label-list", HTMLElement),
  keep: find("keep", HTMLElement),
  stop: find("stop", HTMLElement),
  save: find("save", HTMLElement),
};

/** Everything that is seen; changes nothing but the page. */
export class View {
  confidence = 0.25;
  live = false;
  /** Whether requests need a key. */
  locked = false;
  /** @type {Item[]} */
  #items = [];
  /** @type {Item | null} */
  #item = null;
  /** @type {Answer | null} */
  #answer = null;
  /** @type {number | null} */
  #pointed = null;
  /** @type {number | null} */
  #picked = null;
  #tab = "tab-json";
  #speech = 0;

  /** @param {(item: Item) => void} onSelect */
  constructor(onSelect) {
    const point = (/** @type {number | null} */ index) => this.#point(index);
    const pick = (/** @type {number} */ index) => this.#pick(index);
    this.overlay = new Overlay(by.boxes, point, pick);
    this.objects = new ObjectList(by.objects, point, pick);
    this.strip = new Strip(find("strip", HTMLElement), onSelect);
    const tabs = ["tab-json", "tab-curl", "tab-fetch", "tab-python"];
    new Tabs(tabs.map((id) => find(id, HTMLElement)), find("panel", HTMLElement), (id) => {
      this.#tab = id;
      this.#showCode();
    });
    by.copy.addEventListener("click", async () => {
      const copied = await copy(by.code.textContent ?? "");
      by.copy.textContent = copied ? "Copied" : "Not copied";
      this.say(by.copy.textContent);
      setTimeout(() => (by.copy.textContent = "Copy"), 1500);
    });
  }

  /** @param {import("./api.js").Model} model */
  describe({ name, labels }) {
    by.model.textContent = `${name}, ${labels.length} labels`;
    by.labelList.textContent = labels.join(", ");
    by.labels.hidden = false;
  }

  /**
   * For those who do not see it.
   * @param {string} text
   * @param {number} delay milliseconds, so that a moving slider speaks once
   */
  say(text, delay = 0) {
    clearTimeout(this.#speech);
    this.#speech = setTimeout(() => (by.status.textContent = text), delay);
  }

  /** @param {number} confidence */
  sift(confidence) {
    this.confidence = confidence;
    by.confidence.textContent = percent(confidence);
    by.slider.setAttribute("aria-valuetext", percent(confidence));
    this.strip.show(this.#items, this.#item, confidence);
    this.#showFound();
  }

  /**
   * @param {Item[]} items
   * @param {Item | null} selected
   */
  show(items, selected) {
    this.#items = items;
    this.strip.show(items, selected, this.confidence);
    if (this.live) return;
    by.welcome.hidden = items.length > 0;
    by.work.hidden = items.length === 0;
    const same = this.#item === selected && this.#answer === (selected?.answer ?? null);
    this.#item = selected;
    this.#answer = selected?.answer ?? null;
    if (!same) this.#picked = this.#pointed = null;
    this.#showPicture(selected);
    this.#showProblem(selected?.problem ?? null);
    by.save.hidden = !this.#answer;
    if (this.#answer) showTiming(by.timing, this.#answer.stages, this.#answer.roundTrip);
    this.#showFound();
  }

  startLive() {
    this.live = true;
    this.#item = this.#answer = null;
    by.welcome.hidden = true;
    by.work.hidden = false;
    this.#showProblem(null);
    this.#showFound();
    this.#switch();
  }

  /** @param {Problem | null} problem why, where it is not the visitor's wish */
  stopLive(problem) {
    if (!this.live) return;
    this.live = problem !== null;
    this.#showProblem(problem);
    this.#switch();
    by.keep.hidden = true;
  }

  /**
   * @param {Answer} answer
   * @param {import("./places.js").Size} size
   */
  showFrame(answer, { width, height }) {
    if (!this.live) return;
    this.#answer = answer;
    this.#resize(width, height);
    by.keep.hidden = false;
    showTiming(by.timing, answer.stages, answer.roundTrip);
    this.#showFound();
  }

  #switch() {
    by.video.hidden = !this.live;
    by.picture.hidden = this.live;
    by.stop.hidden = !this.live;
    by.save.hidden = this.live;
    by.noPicture.hidden = true;
    by.frame.hidden = false;
    this.overlay.show([]);
  }

  /** @param {Item | null} item */
  #showPicture(item) {
    const picture = item?.picture;
    by.frame.hidden = !picture?.url;
    by.noPicture.hidden = !item || !!picture?.url;
    by.stage.classList.toggle("busy", !!item && !item.answer && !item.problem);
    by.noPicture.textContent =
      item?.problem || !picture ? (item?.name ?? "") : "The server shows this one in a moment.";
    if (!picture?.url) return;
    if (by.picture.src !== picture.url) by.picture.src = picture.url;
    this.#resize(picture.width, picture.height);
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  #resize(width, height) {
    by.frame.style.setProperty("--width", `${width}`);
    by.frame.style.setProperty("--height", `${height}`);
  }

  /** @param {Problem | null} problem */
  #showProblem(problem) {
    by.problem.hidden = !problem;
    by.found.hidden = !!problem;
    if (!problem) return;
    by.problemTitle.textContent = problem.title;
    by.problemDetail.textContent = problem.detail;
    by.problemCode.textContent = problem.code;
    this.say(`${problem.title}. ${problem.detail}`);
  }

  #showFound() {
    const all = this.#answer?.result.detections ?? [];
    const found = sift(all, this.confidence);
    this.overlay.show(found);
    this.objects.show(found);
    this.#highlight();
    by.work.classList.toggle("answered", !!this.#answer);
    this.#showCode();
    if (!this.#answer) {
      by.headline.textContent = this.live ? "Opening the camera …" : "Looking …";
      by.hint.textContent = "";
      by.timing.replaceChildren();
      return;
    }
    const objects = `${found.length || "No"} object${found.length === 1 ? "" : "s"}`;
    by.headline.textContent = objects;
    by.hint.textContent = this.#hint(all.length, found.length);
    const spoken = found.length ? `${objects}: ${counts(found)}.` : `${objects}. ${by.hint.textContent}`;
    by.picture.alt = `${this.#item?.name ?? "Picture"}. ${spoken}`;
    if (!this.live) this.say(spoken, 400);
  }

  /**
   * @param {number} all
   * @param {number} shown
   */
  #hint(all, shown) {
    if (this.#item?.picture?.scaled && shown) return this.#item.picture.scaled;
    if (shown) return "";
    if (all) return `Below ${percent(this.confidence)} there are ${all}: move the slider down.`;
    return "This model sees nothing that it knows; what it knows stands below.";
  }

  #showCode() {
    const item = this.#item;
    by.work.classList.toggle("no-code", !item);
    if (!item) return;
    const url = new URL(`detect?confidence=${this.confidence}`, document.baseURI).href;
    const asked = { url, name: item.name, sample: item.sample, locked: this.locked };
    by.code.textContent = {
      "tab-json": () => (this.#answer ? json(this.#shownResult(this.#answer.result)) : ""),
      "tab-curl": () => curl(asked),
      "tab-fetch": () => fetchCode(asked),
      "tab-python": () => python(asked),
    }[this.#tab]?.() ?? "";
  }

  /** @param {import("./api.js").Result} result */
  #shownResult(result) {
    const detections = result.detections.filter((one) => one.probability > this.confidence);
    return { ...result, detections };
  }

  /** @param {number | null} index */
  #point(index) {
    this.#pointed = index;
    this.#highlight();
  }

  /** @param {number} index */
  #pick(index) {
    this.#picked = this.#picked === index ? null : index;
    this.#highlight();
  }

  #highlight() {
    const index = this.#pointed ?? this.#picked;
    this.overlay.highlight(index);
    this.objects.highlight(index, this.#picked);
  }
}
