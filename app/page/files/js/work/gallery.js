import { Problem, asProblem } from "../api.js";
import { prepare } from "./picture.js";
import { bytes } from "../words.js";

/** Pictures that are made ready and sent at a time: each takes tens of megabytes meanwhile. */
const AT_ONCE = 3;

/** Bytes of a form around its file. */
const FORM_BYTES = 512;

/** The pictures of this visit. */
export class Gallery {
  /** @type {Item[]} */
  items = [];
  /** @type {Item | null} */
  selected = null;
  /**
   * The pictures that came last, until the visitor selects one.
   * @type {Item[]}
   */
  #newest = [];
  #workers = 0;

  /**
   * @param {Api} api
   * @param {number} limit bytes of a request that the server takes
   * @param {() => void} onChange
   */
  constructor(api, limit, onChange) {
    this.api = api;
    this.limit = limit;
    this.onChange = onChange;
  }

  /** @param {({name: string, file: Blob} & Partial<Item>)[]} files at least one */
  add(files) {
    const empty = { sample: "", size: null, thumb: "", shown: null, answer: null, problem: null };
    const items = files.map((file) => {
      return { ...empty, busy: false, stopper: new AbortController(), ...file };
    });
    this.items.push(...items);
    this.#newest = items;
    this.selected = items.find(({ problem }) => !problem) ?? items[0];
    this.onChange();
    this.#start();
  }

  /** @param {Item} item */
  select(item) {
    this.#newest = [];
    this.selected = item;
    this.onChange();
  }

  /**
   * @param {Item} item
   * @param {Item} [next] is selected then
   */
  remove(item, next) {
    const place = this.items.indexOf(item);
    this.items.splice(place, 1);
    forget(item);
    this.#newest = [];
    this.selected = next ?? this.items[place] ?? this.items.at(-1) ?? null;
    this.onChange();
  }

  /** @param {(problem: Problem) => boolean} which problems may be over now */
  retry(which) {
    for (const item of this.items) if (item.problem && which(item.problem)) item.problem = null;
    this.onChange();
    this.#start();
  }

  /** Asks for all answers anew; those that are on their way to an older question do not count. */
  lookAgain() {
    for (const item of this.items) item.answer = null;
    this.retry(() => true);
  }

  clear() {
    this.items.forEach(forget);
    this.items = [];
    this.selected = null;
    this.onChange();
  }

  #start() {
    for (let workers = this.#workers; workers < AT_ONCE; workers += 1) this.#work();
  }

  async #work() {
    this.#workers += 1;
    for (let item = this.#next(); item; item = this.#next()) await this.#look(item);
    this.#workers -= 1;
  }

  #next() {
    const waits = (/** @type {Item | null} */ item) =>
      item && !item.answer && !item.problem && !item.busy;
    return waits(this.selected) ? this.selected : this.items.find(waits);
  }

  /** @param {Item} item */
  async #look(item) {
    item.busy = true;
    const { signal } = item.stopper;
    try {
      const { upload, size, thumb } = await prepare(item.file, !item.thumb);
      item.thumb ||= thumb;
      if (size) Object.assign(item, { size, shown: item.file });
      this.onChange();
      if (this.limit && upload.size + FORM_BYTES > this.limit) throw this.#tooLarge(upload);
      const { more } = this.api;
      const answer = await this.api.detect(upload, signal);
      await this.#ensureShown(item, upload, answer.result.image);
      if (more === this.api.more) item.answer = answer;
    } catch (error) {
      item.problem = await this.#explain(asProblem(error), item);
    }
    item.busy = false;
    if (signal.aborted) return forget(item);
    if (item.problem && this.selected === item && this.#newest.length) {
      this.selected = this.#newest.find(({ problem }) => !problem) ?? this.#newest[0];
    }
    this.onChange();
  }

  /**
   * Some formats only the server can read, or turns upright otherwise: the server draws them.
   * @param {Item} item
   * @param {Blob} upload
   * @param {Size} size as the server has it
   */
  async #ensureShown(item, upload, size) {
    const { width, height } = item.size ?? { width: 0, height: 1 };
    if (Math.abs(width / height - size.width / size.height) < 0.02) return;
    const shown = await this.api.drawn(upload, { confidence: 1, label: "" });
    forgetThumb(item);
    const { thumb } = await prepare(shown);
    Object.assign(item, { shown, size, thumb });
  }

  /**
   * A request also fails if its file cannot be read any more.
   * @param {Problem} problem
   * @param {Item} item
   */
  async #explain(problem, { file }) {
    if (!problem.unreached) return problem;
    const start = await file.slice(0, 1).arrayBuffer().catch(() => null);
    if (start?.byteLength) return problem; // A missing file counts as empty.
    const detail = "It was moved or changed after it was chosen. Choose it again.";
    return new Problem("The file cannot be read", detail);
  }

  /** @param {Blob} upload */
  #tooLarge({ size }) {
    const detail = `It has ${bytes(size)}, and the server takes at most ${bytes(this.limit)}.`;
    return new Problem("The file is too large", `${detail} It was not sent.`);
  }
}

/** @param {Item} item */
function forget(item) {
  item.stopper.abort();
  forgetThumb(item);
}

/** @param {Item} item */
function forgetThumb(item) {
  if (item.thumb) URL.revokeObjectURL(item.thumb);
  item.thumb = "";
}
