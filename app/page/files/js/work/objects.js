import { byLabel, colourOf } from "./results.js";
import { arrange, by, kept, make } from "../dom.js";
import { percent } from "../words.js";

/** The list of objects by label. Its elements stay while the slider moves. */
export class ObjectList {
  /** @type {Map<string, HTMLElement>} */
  #groups = new Map();
  /** @type {Map<number, HTMLElement>} */
  #rows = new Map();

  /** @param {Found[]} found */
  show(found) {
    const groups = byLabel(found).map(([label, members]) => {
      const group = kept(this.#groups, label, newGroup);
      const [title, list] = group.children;
      const [swatch, , count] = /** @type {Iterable<HTMLElement>} */ (title.children);
      swatch.style.background = colourOf(members[0].classId);
      count.textContent = `${members.length}`;
      arrange(list, members.map((one, place) => this.#row(one, place)));
      return group;
    });
    arrange(by.objects, groups);
  }

  /**
   * @param {Found} found
   * @param {number} place within its label
   */
  #row({ index, label, probability, classId }, place) {
    const entry = kept(this.#rows, index, newRow);
    const row = /** @type {HTMLElement} */ (entry.firstChild);
    const [meter, number] = row.children;
    const fill = /** @type {HTMLElement} */ (meter.firstChild);
    fill.style.width = percent(probability);
    fill.style.background = colourOf(classId);
    number.textContent = percent(probability);
    row.setAttribute("aria-label", `${label} ${place + 1}, ${percent(probability)}`);
    return entry;
  }

}

/** @param {number} index */
function newRow(index) {
  const meter = make("span", "meter", make("span"));
  const row = make("button", "", meter, make("span", "probability"));
  row.dataset.index = `${index}`;
  return make("li", "", row);
}

/** @param {string} label */
function newGroup(label) {
  const parts = [make("span", "swatch"), make("span", "label", label), make("span", "count")];
  return make("section", "group", make("h3", "", ...parts), make("ul"));
}

/**
 * The time of each stage as a bar and in words.
 * @param {Answer | null} answer
 */
export function showTiming(answer) {
  by.timing.hidden = !answer;
  if (!answer) return;
  const bar = make("div", "meter");
  bar.setAttribute("aria-hidden", "true");
  const list = make("dl");
  for (const { name, ms } of answer.stages) {
    const part = make("span", `stage-${name}`);
    part.style.flexGrow = `${ms}`;
    bar.append(part);
    list.append(duration(name, ms, `stage-${name}`));
  }
  list.append(duration("round trip", answer.roundTrip, ""));
  by.timing.replaceChildren(bar, list);
}

/**
 * @param {string} name
 * @param {number} ms
 * @param {string} colour
 */
function duration(name, ms, colour) {
  const value = `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  const term = make("dt", "", make("span", `swatch ${colour}`), name);
  return make("div", "", term, make("dd", "", value));
}
