import { colourOf, inkOn } from "./colour.js";
import { draw } from "./dom.js";
import { placeLabels } from "./places.js";

const LABEL_HEIGHT = 22;
const PADDING = 7;

/** Boxes and labels over a picture: vectors in CSS pixels, so crisp on every screen. */
export class Overlay {
  /** @type {Found[]} */
  #found = [];
  #ruler = document.createElement("canvas").getContext("2d");

  /**
   * @param {SVGSVGElement} svg
   * @param {Point} onPoint
   * @param {Choose} onPick
   */
  constructor(svg, onPoint, onPick) {
    this.svg = svg;
    new ResizeObserver(() => this.#render()).observe(svg);
    svg.addEventListener("pointerover", ({ target }) => onPoint(indexOf(target)));
    svg.addEventListener("pointerleave", () => onPoint(null));
    svg.addEventListener("click", ({ target }) => {
      const index = indexOf(target);
      if (index !== null) onPick(index);
    });
  }

  /** @param {Found[]} found most probable first */
  show(found) {
    this.#found = found;
    this.#render();
  }

  /** @param {number | null} index */
  highlight(index) {
    this.svg.classList.toggle("pointing", index !== null);
    for (const group of this.svg.children) {
      group.classList.toggle("chosen", index !== null && indexOf(group) === index);
    }
  }

  #render() {
    const { width, height } = this.svg.getBoundingClientRect();
    const boxes = this.#found.map(({ normalizedBox: [x, y, w, h] }) => ({
      x: x * width,
      y: y * height,
      width: w * width,
      height: h * height,
    }));
    const texts = this.#found.map(
      ({ label, probability }) => `${label} ${Math.round(probability * 100)}%`,
    );
    const labels = texts.map((text) => ({ width: this.#measure(text), height: LABEL_HEIGHT }));
    const places = placeLabels(boxes, labels, { width, height });
    const groups = this.#found.map((found, i) => {
      const { x, y } = places[i] ?? {
        x: Math.max(0, Math.min(boxes[i].x, width - labels[i].width)),
        y: boxes[i].y,
      };
      const ink = inkOn(found.classId);
      const plate = { x, y, ...labels[i], rx: 4 };
      const colour = colourOf(found.classId);
      const words = draw("text", { x: x + PADDING, y: y + LABEL_HEIGHT / 2, fill: ink });
      words.textContent = texts[i];
      return draw(
        "g",
        { class: "box", "data-index": found.index },
        draw("rect", { ...boxes[i], rx: 3, class: "halo" }),
        draw("rect", { ...boxes[i], rx: 3, class: "edge", stroke: colour }),
        draw(
          "g",
          { class: places[i] ? "tag" : "tag crowded", fill: colour },
          draw("rect", plate),
          words,
        ),
      );
    });
    // Small ones last: they lie above, where the pointer reaches them.
    const area = (/** @type {number} */ i) => boxes[i].width * boxes[i].height;
    const order = groups.map((_, i) => i).sort((a, b) => area(b) - area(a));
    this.svg.replaceChildren(...order.map((i) => groups[i]));
  }

  /** @param {string} text */
  #measure(text) {
    if (!this.#ruler) return text.length * 8 + 2 * PADDING;
    const { fontWeight, fontSize, fontFamily } = getComputedStyle(this.svg);
    this.#ruler.font = `${fontWeight} ${fontSize} ${fontFamily}`;
    return Math.ceil(this.#ruler.measureText(text).width) + 2 * PADDING;
  }
}

/** @param {EventTarget | null} target */
function indexOf(target) {
  const group = target instanceof Element ? target.closest("[data-index]") : null;
  return group ? Number(group.getAttribute("data-index")) : null;
}
