import { asProblem } from "../api.js";
import { by, onClick } from "../dom.js";
import { attempt, part, say, tell } from "../notice.js";
import { Gallery } from "./gallery.js";
import { prepare } from "./picture.js";
import { View } from "./view.js";
import { Zoom } from "./zoom.js";

/** Parts of the page that have keys of their own. */
const OWN_KEYS = "input, select, pre, [role=tab]";

/** What visitors do with their pictures. */
export class Work {
  /** @type {AbortController | null} */
  #camera = null;
  /** @type {Frame | null} */
  #frame = null;
  #frames = 0;
  /** @type {Item | null} */
  #last = null;

  /**
   * @param {Api} api
   * @param {import("../access.js").Access} access
   * @param {number} limit bytes of a request that the server takes, 0 if it is not known
   */
  constructor(api, access, limit) {
    this.api = api;
    this.access = access;
    this.view = new View(api, (item) => this.select(item));
    this.gallery = new Gallery(api, limit, () => this.#onChange());
    this.zoom = new Zoom();
    this.#followHistory();
    this.#followKeys();
    this.#followButtons();
    addEventListener("online", () => this.gallery.retry(({ unreached }) => unreached));
    this.view.choose({ confidence: Number(by.confidence.value) });
  }

  /** The server takes the key by now. */
  opened() {
    this.view.choose({ confidence: Number(by.confidence.value) });
    this.gallery.retry(({ code }) => code === "AccessDenied");
  }

  /** @param {({name: string, file: Blob} & Partial<Item>)[]} files */
  add(files) {
    this.#enter();
    this.gallery.add(files);
    this.stopCamera(); // Last: without pictures it leads to the welcome.
  }

  /** @param {Item} item */
  select(item) {
    this.gallery.select(item);
    this.stopCamera();
  }

  /** Runs until the camera is stopped. Throws a Problem. */
  async startCamera() {
    this.stopCamera();
    const { signal } = (this.#camera = new AbortController());
    this.#frame = null;
    tell("Opening the camera …");
    try {
      const { runCamera } = await part(import("./live.js"));
      const onOpen = () => {
        tell("");
        this.#enter();
        this.zoom.reset();
        this.view.setLive(true);
        this.#show();
      };
      const onFrame = (/** @type {Frame} */ frame) => this.view.showFrame((this.#frame = frame));
      await runCamera(this.api, signal, onOpen, onFrame);
    } catch (error) {
      if (signal.aborted) return;
      this.stopCamera();
      this.#rethrow(error);
    }
  }

  stopCamera() {
    if (this.#camera) tell("");
    this.#camera?.abort();
    this.#camera = null;
    if (this.view.live) this.view.setLive(false);
    if (!this.gallery.items.length) leave();
    this.#show();
  }

  #show() {
    this.view.show(this.gallery.items, this.gallery.selected);
  }

  /**
   * Does something that may fail, and tells of it.
   * @param {() => Promise<unknown>} action
   */
  #attempt(action) {
    attempt(() => action().catch((error) => this.#rethrow(error)));
  }

  /**
   * Asks for the key if it is that, or throws the error again.
   * @param {unknown} error
   */
  #rethrow(error) {
    if (asProblem(error).code !== "AccessDenied") throw error;
    this.access.ask(this.api.key);
  }

  async #keepFrame() {
    if (!this.#frame) return;
    const { file, width, height, answer } = this.#frame;
    const { thumb } = await prepare(file);
    this.#frames += 1;
    const name = `frame-${this.#frames}.jpg`;
    this.add([{ name, file, size: { width, height }, thumb, shown: file, answer }]);
  }

  async #save() {
    const item = this.gallery.selected;
    if (!item) return;
    const { download, withBoxes } = await part(import("./export.js"));
    download(await withBoxes(this.api, item, this.view.choice));
  }

  /** @param {string} form */
  async #exportAll(form) {
    const items = this.gallery.items.filter(({ answer }) => answer);
    const choice = { ...this.view.choice };
    const { download, pictures, table } = await part(import("./export.js"));
    let exported = items.length;
    if (form === "zip") {
      const zip = await pictures(this.api, items, choice, (done) =>
        tell(`Drawing picture ${done + 1} of ${items.length} …`),
      );
      download(zip);
      exported = zip.count;
    } else {
      download(table(form, items, choice, this.access.labels));
    }
    const all = this.gallery.items.length;
    const words = `Exported ${exported} of ${all}: the others have no answer, or cannot be drawn.`;
    tell(exported < all ? words : "");
  }

  /** @param {number} step */
  #beside(step) {
    const items = this.view.visible;
    return items[items.findIndex((one) => one === this.gallery.selected) + step];
  }

  /** @param {number} step */
  #go(step) {
    const item = this.#beside(step);
    if (item) this.gallery.select(item);
  }

  #remove() {
    const item = this.gallery.selected;
    if (!item) return;
    this.gallery.remove(item, this.#beside(1) ?? this.#beside(-1));
    if (!this.gallery.items.length) leave();
    else say(`${item.name} removed. ${by.name.textContent} ${by.place.textContent}`);
  }

  #onChange() {
    const { selected } = this.gallery;
    if (selected !== this.#last) this.zoom.reset();
    this.#last = selected;
    this.#show();
    if (selected?.problem?.code === "AccessDenied" && by.access.hidden) {
      this.access.ask(this.api.key);
    }
  }

  /** The browser's Back leads from the pictures to the welcome, and Forward to them again. */
  #followHistory() {
    if (history.state?.work) history.replaceState(null, ""); // The page was loaded anew.
    addEventListener("popstate", () => {
      this.view.away = !history.state?.work;
      this.stopCamera();
    });
    addEventListener("beforeunload", (event) => {
      if (this.gallery.items.length > 1) event.preventDefault(); // The browser asks whether to.
    });
  }

  #enter() {
    this.view.away = false;
    if (!history.state?.work) history.pushState({ work: true }, "");
  }

  #followKeys() {
    const zoom = (/** @type {number} */ direction) => () => this.zoom.step(direction);
    /** @type {Record<string, () => void>} */
    const zooming = { "+": zoom(1), "=": zoom(1), "-": zoom(-1), 0: zoom(0) };
    /** @type {Record<string, () => void>} */
    const stepping = {
      ArrowLeft: () => this.#go(-1),
      ArrowRight: () => this.#go(1),
      Delete: () => this.#remove(),
      Backspace: () => this.#remove(), // The Delete key of a Mac.
    };
    addEventListener("keydown", (event) => {
      const { key, target, ctrlKey, metaKey, altKey } = event;
      if (by.work.hidden || ctrlKey || metaKey || altKey || !(target instanceof Element)) return;
      const scrolls = target.closest(".zoomed") && key.startsWith("Arrow");
      const action = zooming[key] ?? (this.view.live || scrolls ? null : stepping[key]);
      if (!action || target.closest(OWN_KEYS)) return;
      event.preventDefault();
      action();
    });
  }

  #followButtons() {
    onClick("#keep", () => this.#keepFrame());
    onClick("#stop", () => this.stopCamera());
    onClick("#save", () => this.#attempt(() => this.#save()));
    onClick("#previous", () => this.#go(-1));
    onClick("#next", () => this.#go(1));
    onClick("#remove", () => this.#remove());
    onClick("#resume", () => history.forward());
    onClick("#retry", () => this.gallery.retry((problem) => problem.again));
    onClick("#clear", () => {
      this.gallery.clear();
      leave();
    });
    onClick("[data-zoom]", ({ dataset }) => this.zoom.step(Number(dataset.zoom)));
    onClick("[data-export]", ({ dataset }) =>
      this.#attempt(() => this.#exportAll(dataset.export ?? "")),
    );
    addEventListener("click", ({ target }) => {
      if (target instanceof Element && !target.closest("#export summary")) by.export.open = false;
    });
    by.export.addEventListener("keydown", ({ key }) => {
      if (key === "Escape") by.export.open = false;
    });
    by.confidence.addEventListener("input", () =>
      this.view.choose({ confidence: Number(by.confidence.value) }),
    );
    by.tiles.addEventListener("change", () => {
      this.api.tiles = by.tiles.checked ? "&tiles=auto" : "";
      this.gallery.lookAgain();
    });
    by.label.addEventListener("change", () => this.view.choose({ label: by.label.value }));
  }
}

function leave() {
  if (history.state?.work) history.back();
}
