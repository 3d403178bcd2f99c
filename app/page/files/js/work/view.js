import { detectPath } from "../api.js";
import { chosenBy, counts, foundIn, shown, totals } from "./results.js";
import { by, make } from "../dom.js";
import { say } from "../notice.js";
import { Panel } from "./code.js";
import { ObjectList, showTiming } from "./objects.js";
import { Overlay } from "./overlay.js";
import { Strip } from "./strip.js";
import { percent, plural } from "../words.js";

/** Milliseconds that the slider has to rest before labels and code are written anew. */
const REST_MS = 80;

/** Labels whose totals are written out; the others are in the list of labels. */
const MOST_LABELS = 6;

/** Shows the state of the page; changes nothing else. */
export class View {
  live = false;
  /** Whether the visitor went back to the welcome, and keeps the pictures. */
  away = false;
  /** @type {Choice} */
  choice = { confidence: 0.25, label: "" };
  overlay = new Overlay();
  objects = new ObjectList();
  panel = new Panel(() => this.showCode());
  /** @type {Item[]} */
  #items = [];
  /** @type {Item | null} */
  #item = null;
  /** @type {Answer | null} */
  #answer = null;
  /** @type {Blob | null} */
  #shown = null;
  /** @type {number | null} */
  #pointed = null;
  /** @type {number | null} */
  #picked = null;
  #rest = 0;

  /**
   * @param {Api} api
   * @param {(item: Item) => void} onSelect
   */
  constructor(api, onSelect) {
    this.api = api;
    this.#followPointer(by.boxes);
    this.#followPointer(by.objects);
    this.strip = new Strip(onSelect);
    by.picture.addEventListener("load", () => by.frame.classList.remove("loading"));
  }

  /** The pictures that the chosen label leaves. */
  get visible() {
    const { label } = this.choice;
    return this.#items.filter((item) => !label || item === this.#item || this.#count(item));
  }

  /** @param {Partial<Choice>} choice */
  choose(choice) {
    Object.assign(this.choice, choice);
    const value = percent(this.choice.confidence);
    by.value.textContent = value;
    by.confidence.setAttribute("aria-valuetext", value);
    this.#showFound(false);
    this.#showAll();
    this.#whenAtRest();
  }

  /**
   * @param {Item[]} items
   * @param {Item | null} selected
   */
  show(items, selected) {
    this.#items = items;
    const started = this.live || items.length > 0;
    by.welcome.hidden = started && !this.away;
    by.work.hidden = !started || this.away;
    by.resume.hidden = !items.length;
    by.resume.textContent = `Back to ${plural(items.length, "picture")}`;
    by.docs.target = items.length ? "_blank" : "";
    if (!this.live) {
      const answer = selected?.answer ?? null;
      const fresh = this.#item !== selected || this.#answer !== answer;
      if (this.#item !== selected) this.#picked = this.#pointed = null;
      this.#item = selected;
      this.#answer = answer;
      this.#showPicture();
      this.#showProblem();
      if (fresh) this.#showFound(true);
    }
    this.#showAll();
    this.#whenAtRest();
  }

  /** @param {boolean} live whether the camera is shown instead of a picture */
  setLive(live) {
    this.live = live;
    this.#item = this.#answer = this.#picked = this.#pointed = null;
    this.#showProblem();
    by.video.hidden = by.stop.hidden = !live;
    by.work.classList.toggle("live", live);
    by.picture.hidden = live;
    by.nothing.hidden = by.keep.hidden = true;
    by.frame.hidden = false;
    by.frame.classList.remove("loading");
    by.stage.classList.remove("busy");
    this.#showFound(true);
  }

  /** @param {Frame} frame */
  showFrame({ answer, width, height, rate }) {
    this.#answer = answer;
    this.#resize(width, height);
    by.keep.hidden = false;
    this.#showFound(false);
    by.hint.textContent = rate ? `${rate.toFixed(1)} frames a second` : "";
  }

  #showPicture() {
    const item = this.#item;
    const blob = item?.shown ?? null;
    by.frame.hidden = !blob;
    by.nothing.hidden = !!blob;
    by.nothing.textContent = item?.problem ? "There is nothing to show." : "Reading the file …";
    by.stage.classList.toggle("busy", !!item && !item.answer && !item.problem);
    if (blob !== this.#shown) {
      this.#shown = blob;
      URL.revokeObjectURL(by.picture.src);
      by.picture.removeAttribute("src");
      by.frame.classList.toggle("loading", !!blob);
      if (blob) by.picture.src = URL.createObjectURL(blob);
    }
    if (item?.size) this.#resize(item.size.width, item.size.height);
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  #resize(width, height) {
    by.frame.style.setProperty("--width", `${width}`);
    by.frame.style.setProperty("--height", `${height}`);
  }

  #showProblem() {
    const problem = this.#item?.problem;
    const news = problem && by.problem.hidden;
    by.problem.hidden = !problem;
    by.found.hidden = !!problem;
    if (!problem) return;
    by.problemTitle.textContent = problem.title;
    by.problemDetail.textContent = problem.detail;
    by.problemCode.textContent = problem.code;
    by.retry.hidden = !problem.again;
    if (news) say(`${this.#item?.name}: ${problem.title}. ${problem.detail}`);
  }

  /** @param {Item} item */
  #count({ answer }) {
    return answer && foundIn(answer).filter(chosenBy(this.choice)).length;
  }

  /** What concerns all pictures: the strip, the place of this one, labels and totals. */
  #showAll() {
    const { confidence, label } = this.choice;
    const items = this.visible;
    const selected = this.#item;
    this.strip.show(items, selected, (item) => this.#count(item));
    by.name.textContent = selected?.name ?? "";
    const several = items.length > 1;
    const place = items.findIndex((one) => one === selected);
    by.place.textContent = several ? `${place + 1} of ${items.length}` : "";
    by.previous.hidden = by.next.hidden = !several;
    by.previous.disabled = !place;
    by.next.disabled = place === items.length - 1;
    const all = totals(this.#items, confidence);
    const answered = this.#items.filter(({ answer }) => answer).length;
    const open = this.#items.filter(({ answer, problem }) => !answer && !problem).length;
    const failed = this.#items.length - answered - open;
    const sum = all.reduce((sum, [, { objects }]) => sum + objects, 0);
    const list = sum ? `: ${counts(all.slice(0, MOST_LABELS))}` : "";
    const more = all.length - MOST_LABELS;
    by.totals.hidden = this.#items.length < 2;
    by.totals.textContent = [
      `${plural(sum, "object")} in ${plural(answered, "picture")}${list}`,
      more > 0 ? ` and ${plural(more, "more label")}.` : ".",
      open ? ` ${open} still to come.` : "",
      failed ? ` ${failed} failed.` : "",
    ].join("");
    by.export.hidden = this.live || !answered;
    by.save.hidden = !selected?.answer;
    by.filter.hidden = all.length < 2 && !label;
  }

  /** What takes too long to be done at each step of the slider. */
  #whenAtRest() {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      this.#showLabels();
      this.showCode();
    }, REST_MS);
  }

  #showLabels() {
    const { confidence, label } = this.choice;
    const all = totals(this.#items, confidence);
    const several = this.#items.length > 1;
    const texts = all.map(([name, { objects, pictures }]) => [
      name,
      `${name}: ${objects}${several ? ` in ${plural(pictures.size, "picture")}` : ""}`,
    ]);
    if (label && !all.some(([name]) => name === label)) texts.push([label, `${label}: 0`]);
    texts.unshift(["", "All labels"]);
    if (texts.join() === [...by.label.options].map(({ value, text }) => [value, text]).join()) return;
    by.label.replaceChildren(
      ...texts.map(([value, text]) => Object.assign(make("option", "", text), { value })),
    );
    by.label.value = label;
  }

  /** @param {boolean} fresh whether this is another picture or another answer */
  #showFound(fresh) {
    const all = foundIn(this.#answer);
    const found = shown(all, this.choice);
    this.overlay.show(found, fresh, this.#answer?.result.image);
    this.objects.show(found);
    this.#highlight();
    by.work.classList.toggle("answered", !!this.#answer);
    by.hint.textContent = this.#hint(all, found.length);
    if (fresh || this.live) showTiming(this.#answer);
    if (fresh) this.showCode();
    if (!this.#answer) {
      by.headline.textContent = this.live ? "Looking at the first frame …" : "Looking …";
      return;
    }
    const headline = plural(found.length, this.#answer.result.classifications ? "label" : "object");
    by.headline.textContent = headline;
    const { confidence, label } = this.choice;
    const list = this.#item && !label ? counts(totals([this.#item], confidence)) : "";
    const rest = list ? `: ${list}.` : `. ${by.hint.textContent}`;
    by.picture.alt = `${this.#item?.name ?? "Picture"}. ${headline}${rest}`;
    if (!this.live && !this.#item?.problem) say(headline + rest, 400);
  }

  /**
   * @param {Detection[]} all
   * @param {number} shown
   */
  #hint(all, shown) {
    if (!this.#answer || this.live) return "";
    const { size } = this.#item ?? {};
    const sent = this.#answer.result.image;
    if (shown) {
      return size && size.width > sent.width
        ? `Sent as ${sent.width} × ${sent.height} pixels instead of ${size.width} × ${size.height}.`
        : "";
    }
    const { label } = this.choice;
    const hidden = all.filter(chosenBy({ confidence: 0, label })).length;
    if (hidden) return `Less certain: ${plural(hidden, "object")}; move the slider down to see more.`;
    if (label) return `No ${label} in this picture.`;
    return "Nothing here that this model knows; the foot of the page lists its labels.";
  }

  /** Shows the answer and the request as code. */
  showCode() {
    const item = this.#item;
    if (!item || !this.#answer) return;
    const { result } = this.#answer;
    const chosen = chosenBy(this.choice);
    const detections = result.detections.filter(chosen);
    const classifications = result.classifications?.filter(chosen);
    const url = new URL(detectPath(this.choice, this.api.more), document.baseURI).href;
    const { name, sample } = item;
    this.panel.show({ url, name, sample, locked: !!this.api.key }, { ...result, detections, classifications });
  }

  /**
   * Highlights what is pointed at, by the keyboard too; a click makes that stay.
   * @param {Element} root
   */
  #followPointer(root) {
    const point = (/** @type {Event} */ { type, target }) => {
      const gone = type === "pointerleave" || type === "focusout";
      this.#pointed = gone ? null : indexOf(target);
      this.#highlight();
    };
    for (const type of ["pointerover", "pointerleave", "focusin", "focusout"]) {
      root.addEventListener(type, point);
    }
    root.addEventListener("click", ({ target }) => {
      const index = indexOf(target);
      if (index === null) return;
      this.#picked = this.#picked === index ? null : index;
      this.#highlight();
    });
  }

  #highlight() {
    const index = this.#pointed ?? this.#picked;
    by.boxes.classList.toggle("pointing", index !== null);
    for (const part of by.work.querySelectorAll("[data-index]")) {
      const own = indexOf(part);
      part.classList.toggle("chosen", own === index);
      part.setAttribute("aria-pressed", `${own === this.#picked}`);
    }
  }
}

/** @param {EventTarget | null} target */
function indexOf(target) {
  const part = target instanceof Element ? target.closest("[data-index]") : null;
  return part ? Number(part.getAttribute("data-index")) : null;
}
