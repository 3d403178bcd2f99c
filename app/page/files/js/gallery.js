import { Problem } from "./api.js";
import { load, prepare } from "./picture.js";

/** The pictures of this visit, looked at one after the other. */
export class Gallery extends EventTarget {
  /** @type {Item[]} */
  items = [];
  /** @type {Item | null} */
  selected = null;
  #working = false;

  /** @param {Api} api */
  constructor(api) {
    super();
    this.api = api;
  }

  /**
   * @param {{name: string, file: Blob, sample?: string}[]} files
   */
  add(files) {
    const added = files.map(({ name, file, sample = "" }) => ({
      name,
      sample,
      file,
      picture: null,
      answer: null,
      problem: null,
    }));
    if (!added.length) return;
    this.items.push(...added);
    this.select(added[0]);
    this.#work();
  }

  /**
   * One that is answered already.
   * @param {Item} item
   */
  keep(item) {
    this.items.push(item);
    this.select(item);
  }

  /** @param {Item} item */
  select(item) {
    this.selected = item;
    this.#changed();
  }

  /** @param {(item: Item) => boolean} which have failed and may do better now */
  retry(which) {
    for (const item of this.items) {
      if (item.problem && which(item)) item.problem = null;
    }
    this.#changed();
    this.#work();
  }

  clear() {
    for (const { picture } of this.items) if (picture?.url) URL.revokeObjectURL(picture.url);
    this.items = [];
    this.selected = null;
    this.#changed();
  }

  async #work() {
    if (this.#working) return;
    this.#working = true;
    for (let item = this.#next(); item; item = this.#next()) {
      await this.#look(item);
      this.#changed();
    }
    this.#working = false;
  }

  #next() {
    return this.items.find(({ answer, problem }) => !answer && !problem);
  }

  /**
   * @param {Item} item
   * @param {number} tries left where the server is busy and says for how long
   * @returns {Promise<void>}
   */
  async #look(item, tries = 3) {
    item.picture ??= await prepare(item.file);
    this.#changed();
    try {
      const answer = await this.api.detect(item.picture.upload);
      await this.#ensureSeen(item, answer.result.image);
      item.answer = answer;
    } catch (error) {
      if (error instanceof Problem && error.retryAfter && tries) {
        await new Promise((resolve) => setTimeout(resolve, error.retryAfter * 1000));
        return this.#look(item, tries - 1);
      }
      item.problem =
        error instanceof Problem ? error : new Problem("This did not work", String(error));
    }
  }

  /**
   * Formats that only the server can read, or turns upright differently: it draws them for us.
   * @param {Item} item
   * @param {Size} size as the server has it
   */
  async #ensureSeen(item, { width, height }) {
    const seen = item.picture;
    if (!seen || (seen.url && Math.abs(seen.width / seen.height - width / height) < 0.02)) return;
    if (seen.url) URL.revokeObjectURL(seen.url);
    const url = URL.createObjectURL(await this.api.drawn(seen.upload, 1));
    await load(url);
    Object.assign(seen, { url, width, height });
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
