import { byLabel, colourOf } from "./results.js";
import { arrange, make } from "../dom.js";
import { percent } from "../words.js";

/** The list of objects by label. Its elements stay while the slider moves. */
export class ObjectList {
  /** @type {Map<string, HTMLElement>} */
  #groups = new Map();
  /** @type {Map<number, HTMLElement>} */
  #rows = new Map();

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
    const groups = byLabel(found).map(([label, members]) => {
      const group = this.#groups.get(label) ?? newGroup(label);
      this.#groups.set(label, group);
      const [title, list] = group.children;
      const [swatch, , count] = /** @type {Iterable<HTMLElement>} */ (title.children);
      swatch.style.background = colourOf(members[0].classId);
      count.textContent = `${members.length}`;
      arrange(list, members.map((one, place) => this.#row(one, place)));
      return group;
    });
    arrange(this.root, groups);
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
    const entry = this.#rows.get(index) ?? this.#newRow(index);
    const row = /** @type {HTMLElement} */ (entry.firstChild);
    const fill = /** @type {HTMLElement} */ (row.querySelector(".meter span"));
    fill.style.width = percent(probability);
    fill.style.background = colourOf(classId);
    if (row.lastChild) row.lastChild.textContent = percent(probability);
    row.setAttribute("aria-label", `${label} ${place + 1}, ${percent(probability)}`);
    return entry;
  }

  /** @param {number} index */
  #newRow(index) {
    const meter = make("span", "meter", make("span"));
    const row = make("button", "", meter, make("span", "probability"));
    row.type = "button";
    row.dataset.index = `${index}`;
    row.addEventListener("pointerenter", () => this.onPoint(index));
    row.addEventListener("focus", () => this.onPoint(index));
    row.addEventListener("blur", () => this.onPoint(null));
    row.addEventListener("click", () => this.onPick(index));
    const entry = make("li", "", row);
    this.#rows.set(index, entry);
    return entry;
  }
}

/** @param {string} label */
function newGroup(label) {
  const parts = [make("span", "swatch"), make("span", "label", label), make("span", "count")];
  return make("section", "group", make("h3", "", ...parts), make("ul"));
}

/**
 * The time of each stage as a bar and in words.
 * @param {HTMLElement} root
 * @param {Answer | null} answer
 */
export function showTiming(root, answer) {
  root.hidden = !answer;
  if (!answer) return;
  const bar = make("div", "timing-bar");
  bar.setAttribute("aria-hidden", "true");
  const list = make("dl");
  for (const { name, ms } of answer.stages) {
    const part = make("span", `stage-${name}`);
    part.style.flexGrow = `${ms}`;
    bar.append(part);
    list.append(duration(name, ms, `stage-${name}`));
  }
  list.append(duration("round trip", answer.roundTrip, ""));
  root.replaceChildren(bar, list);
}

/**
 * @param {string} name
 * @param {number} ms
 * @param {string} colour
 */
function duration(name, ms, colour) {
  const value = `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  const term = make("dt", "", make("span", `dot ${colour}`), name);
  return make("div", "", term, make("dd", "", value));
}
