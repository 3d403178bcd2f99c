import { by } from "../dom.js";
import { say } from "../notice.js";
import { percent } from "../words.js";

const MOST = 8;
const STEP = 1.5;
const LINE_PIXELS = 16;
const DRAG_PIXELS = 4;

/** Milliseconds after the page was scrolled in which the wheel goes on scrolling it. */
const SCROLL_MS = 400;

/** Makes the picture larger within its stage, which scrolls: boxes and labels stay crisp. */
export class Zoom {
  #scale = 1;

  constructor() {
    this.#onWheel();
    this.#onDrag();
    this.#onPinch();
    addEventListener("resize", () => this.reset());
  }

  /** The whole picture. */
  reset() {
    this.#set(1, 0, 0);
  }

  /**
   * One step, as the buttons and keys do.
   * @param {number} direction 1 for larger, -1 for smaller, 0 for the whole picture
   */
  step(direction) {
    const { x, y, width, height } = by.stage.getBoundingClientRect();
    this.#set(direction ? this.#scale * STEP ** direction : 1, x + width / 2, y + height / 2);
    say(`Zoom ${percent(this.#scale)}`);
  }

  /**
   * Keeps what lies under a point of the window under it.
   * @param {number} scale
   * @param {number} x
   * @param {number} y
   */
  #set(scale, x, y) {
    const next = scale < 1.02 ? 1 : Math.min(MOST, scale);
    const before = by.frame.getBoundingClientRect();
    const height = by.stage.clientHeight;
    this.#scale = next;
    const zoomed = next > 1;
    by.stage.classList.toggle("zoomed", zoomed);
    by.stage.style.height = zoomed ? `${height}px` : "";
    if (zoomed) by.stage.tabIndex = 0;
    else by.stage.removeAttribute("tabindex");
    by.frame.style.setProperty("--zoom", `${next}`);
    by.zoomed.textContent = percent(next);
    const after = by.frame.getBoundingClientRect();
    by.stage.scrollLeft += after.x + ((x - before.x) / before.width) * after.width - x;
    by.stage.scrollTop += after.y + ((y - before.y) / before.height) * after.height - y;
  }

  #onWheel() {
    let scrolled = -SCROLL_MS;
    addEventListener("scroll", ({ timeStamp }) => (scrolled = timeStamp));
    const listener = (/** @type {WheelEvent} */ event) => {
      const scrolls = event.deltaY > 0 || event.timeStamp - scrolled < SCROLL_MS;
      if (this.#scale === 1 && scrolls && !event.ctrlKey) return;
      event.preventDefault();
      const pixels = event.deltaMode ? event.deltaY * LINE_PIXELS : event.deltaY;
      const speed = event.ctrlKey ? 0.01 : 0.002; // A pinch on a touchpad comes as a wheel with Ctrl.
      this.#set(this.#scale * Math.exp(-pixels * speed), event.clientX, event.clientY);
    };
    by.stage.addEventListener("wheel", listener, { passive: false });
  }

  /** Touch scrolls by itself. */
  #onDrag() {
    let moved = 0;
    by.stage.addEventListener("pointerdown", (event) => {
      moved = 0;
      if (event.pointerType === "mouse" && this.#scale > 1) event.preventDefault();
    });
    by.stage.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse" || !(event.buttons & 1) || this.#scale === 1) return;
      moved += Math.abs(event.movementX) + Math.abs(event.movementY);
      by.stage.scrollBy(-event.movementX, -event.movementY);
    });
    const stop = (/** @type {Event} */ event) => {
      if (moved > DRAG_PIXELS) event.stopPropagation(); // The end of a drag picks no box.
    };
    by.stage.addEventListener("click", stop, { capture: true });
    by.stage.addEventListener("dragstart", (event) => event.preventDefault());
  }

  #onPinch() {
    let apart = 0;
    by.stage.addEventListener("touchstart", ({ touches }) => (apart = distance(touches)));
    const move = (/** @type {TouchEvent} */ event) => {
      const { touches } = event;
      if (touches.length !== 2 || !apart) return;
      event.preventDefault();
      const x = (touches[0].clientX + touches[1].clientX) / 2;
      const y = (touches[0].clientY + touches[1].clientY) / 2;
      const now = distance(touches);
      this.#set((this.#scale * now) / apart, x, y);
      apart = now;
    };
    by.stage.addEventListener("touchmove", move, { passive: false });
  }
}

/** @param {TouchList} touches */
function distance([a, b]) {
  return b ? Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) : 0;
}
