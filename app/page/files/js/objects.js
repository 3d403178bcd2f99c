import { colourOf } from "./colour.js";
import { make } from "./dom.js";
import { byLabel, percent } from "./sift.js";

/** The list of what was found, by label. */
export class ObjectList {
  /**
   * @param {HTMLElement} root
   * @param {Point} onPoint
   * @param {Choose} onPick
   */
  constructor(root, onPoint, onPick) {
    this.root = root;
    this.onPoint = onPoint;
    this.onPick = onPick;
    root.addEventListener("pointerleave", () => onPoint(null));
  }

  /** @param {Found[]} found */
  show(found) {
    this.root.replaceChildren(
      ...byLabel(found).map(([label, group]) => {
        const title = make(
          "h3",
          "",
          swatch(group[0].classId),
          make("span", "label", label),
          make("span", "count", `${group.length}`),
        );
        const list = make("ul", "", ...group.map((one, i) => make("li", "", this.#row(one, i))));
        return make("section", "group", title, list);
      }),
    );
  }

  /**
   * @param {number | null} index that is pointed at
   * @param {number | null} picked that stays so
   */
  highlight(index, picked) {
    for (const row of this.root.querySelectorAll("button")) {
      const own = Number(row.dataset.index);
      row.classList.toggle("chosen", own === index);
      row.setAttribute("aria-pressed", `${own === picked}`);
    }
  }

  /**
   * @param {Found} found
   * @param {number} place within its label
   */
  #row({ index, label, probability, classId }, place) {
    const meter = make("span", "meter", make("span", ""));
    const fill = /** @type {HTMLElement} */ (meter.firstChild);
    fill.style.width = percent(probability);
    fill.style.background = colourOf(classId);
    const row = make("button", "", meter, make("span", "probability", percent(probability)));
    row.type = "button";
    row.dataset.index = `${index}`;
    row.setAttribute("aria-label", `${label} ${place + 1}, ${percent(probability)}`);
    row.addEventListener("pointerenter", () => this.onPoint(index));
    row.addEventListener("focus", () => this.onPoint(index));
    row.addEventListener("blur", () => this.onPoint(null));
    row.addEventListener("click", () => this.onPick(index));
    return row;
  }
}

/** @param {number} classId */
function swatch(classId) {
  const dot = make("span", "swatch");
  dot.style.background = colourOf(classId);
  return dot;
}
