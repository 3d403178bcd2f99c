import { by } from "./dom.js";
import { ObjectList } from "./objects.js";
import { Overlay } from "./overlay.js";
import { Panel } from "./panel.js";
import { counts, percent, sift } from "./sift.js";
import { Strip } from "./strip.js";
import { showTiming } from "./timing.js";

/** Everything that is seen; changes nothing but the page. */
export class View {
  live = false;
  /** Whether requests need a key. */
  locked = false;
  #confidence = 0.25;
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
  #speech = 0;

  /** @param {(item: Item) => void} onSelect */
  constructor(onSelect) {
    /** @type {Point} */
    const point = (index) => {
      this.#pointed = index;
      this.#highlight();
    };
    /** @type {Choose} */
    const pick = (index) => {
      this.#picked = this.#picked === index ? null : index;
      this.#highlight();
    };
    this.overlay = new Overlay(by.boxes, point, pick);
    this.objects = new ObjectList(by.objects, point, pick);
    this.strip = new Strip(by.strip, onSelect);
    this.panel = new Panel((text) => this.say(text));
  }

  /** @param {Model} model */
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
    this.#confidence = confidence;
    by.value.textContent = percent(confidence);
    by.confidence.setAttribute("aria-valuetext", percent(confidence));
    this.strip.show(this.#items, this.#item, confidence);
    this.#showFound();
  }

  /**
   * @param {Item[]} items
   * @param {Item | null} selected
   */
  show(items, selected) {
    this.#items = items;
    this.strip.show(items, selected, this.#confidence);
    if (this.live) return;
    by.welcome.hidden = items.length > 0;
    by.work.hidden = !items.length;
    if (this.#item !== selected) this.#picked = this.#pointed = null;
    this.#item = selected;
    this.#answer = selected?.answer ?? null;
    this.#showPicture();
    this.#showProblem(selected?.problem ?? null);
    by.save.hidden = !this.#answer;
    this.#showFound();
  }

  startLive() {
    this.live = true;
    this.#item = this.#answer = null;
    by.welcome.hidden = true;
    by.work.hidden = false;
    this.#showProblem(null);
    this.#switch();
  }

  /** @param {Problem | null} problem why, where it is not the visitor's wish */
  stopLive(problem) {
    this.live = problem !== null;
    this.#answer = null;
    this.#showProblem(problem);
    this.#switch();
  }

  /** @param {Frame} frame */
  showFrame({ answer, width, height }) {
    if (!this.live) return;
    this.#answer = answer;
    this.#resize(width, height);
    by.keep.hidden = false;
    this.#showFound();
  }

  #switch() {
    by.video.hidden = by.stop.hidden = !this.live;
    by.work.classList.toggle("live", this.live);
    by.picture.hidden = by.save.hidden = this.live;
    by.nothing.hidden = by.keep.hidden = true;
    by.frame.hidden = false;
    this.#showFound();
  }

  #showPicture() {
    const item = this.#item;
    const url = item?.picture?.url ?? "";
    by.frame.hidden = !url;
    by.nothing.hidden = !!url;
    by.nothing.textContent = item?.name ?? "";
    by.stage.classList.toggle("busy", !!item && !item.answer && !item.problem);
    if (!item?.picture || !url) return;
    if (by.picture.src !== url) by.picture.src = url;
    this.#resize(item.picture.width, item.picture.height);
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
    const found = sift(all, this.#confidence);
    this.overlay.show(found);
    this.objects.show(found);
    this.#highlight();
    by.work.classList.toggle("answered", !!this.#answer);
    this.#showCode();
    by.hint.textContent = this.#hint(all.length, found.length);
    showTiming(by.timing, this.#answer);
    if (!this.#answer) {
      by.headline.textContent = this.live ? "Opening the camera …" : "Looking …";
      return;
    }
    const headline = `${found.length || "No"} object${found.length === 1 ? "" : "s"}`;
    by.headline.textContent = headline;
    const rest = found.length ? `: ${counts(found)}.` : `. ${by.hint.textContent}`;
    by.picture.alt = `${this.#item?.name ?? "Picture"}. ${headline}${rest}`;
    if (!this.live && !this.#item?.problem) this.say(headline + rest, 400);
  }

  /**
   * @param {number} all
   * @param {number} shown
   */
  #hint(all, shown) {
    if (!this.#answer) return "";
    if (shown) return this.#item?.picture?.scaled ?? "";
    return all
      ? `There are ${all} less certain ones: move the slider down.`
      : "Nothing here that this model knows; the foot of the page lists its labels.";
  }

  #showCode() {
    by.panel.parentElement?.classList.toggle("none", !this.#item);
    if (!this.#item) return;
    const { name, sample } = this.#item;
    const url = new URL(`detect?confidence=${this.#confidence}`, document.baseURI).href;
    const result = this.#answer && {
      ...this.#answer.result,
      detections: this.#answer.result.detections.filter(
        ({ probability }) => probability > this.#confidence,
      ),
    };
    this.panel.show({ url, name, sample, locked: this.locked }, result);
  }

  #highlight() {
    const index = this.#pointed ?? this.#picked;
    this.overlay.highlight(index);
    this.objects.highlight(index, this.#picked);
  }
}
