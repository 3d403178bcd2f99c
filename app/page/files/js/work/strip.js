import { arrange, by, kept, make } from "../dom.js";
import { plural } from "../words.js";

/** The row of small pictures, if there are several. */
export class Strip {
  /** @type {Map<Item, HTMLElement>} */
  #entries = new Map();
  /** @type {Item | null} */
  #selected = null;

  /**
   * @param {(item: Item) => void} onSelect
   */
  constructor(onSelect) {
    this.onSelect = onSelect;
  }

  /**
   * @param {Item[]} items
   * @param {Item | null} selected
   * @param {(item: Item) => number | null} count of objects, null before the answer
   */
  show(items, selected, count) {
    by.strip.hidden = items.length < 2;
    const focused = by.strip.contains(document.activeElement);
    const entries = items.map((item) => {
      const entry = kept(this.#entries, item, () => this.#newEntry(item));
      update(/** @type {HTMLElement} */ (entry.firstChild), item, item === selected, count(item));
      return entry;
    });
    for (const item of this.#entries.keys()) if (!items.includes(item)) this.#entries.delete(item);
    arrange(by.strip, entries);
    if (selected === this.#selected) return;
    this.#selected = selected;
    const entry = selected && this.#entries.get(selected);
    if (!entry) return;
    by.strip.scrollLeft = entry.offsetLeft - (by.strip.clientWidth - entry.offsetWidth) / 2;
    if (focused) /** @type {HTMLElement} */ (entry.firstChild).focus({ preventScroll: true });
  }

  /** @param {Item} item */
  #newEntry(item) {
    const button = make("button", "", make("img"), make("span", "badge"));
    button.title = item.name;
    button.addEventListener("click", () => this.onSelect(item));
    return make("li", "", button);
  }
}

/**
 * @param {HTMLElement} button
 * @param {Item} item
 * @param {boolean} selected
 * @param {number | null} count
 */
function update(button, { name, thumb, problem }, selected, count) {
  const state = problem?.title ?? (count === null ? "waiting" : plural(count, "object"));
  const news = [state, thumb, selected].join();
  if (button.dataset.state === news) return; // There may be hundreds while the slider moves.
  button.dataset.state = news;
  const [image, badge] = /** @type {[HTMLImageElement, HTMLElement]} */ ([...button.children]);
  image.alt = "";
  image.hidden = !thumb;
  if (thumb && image.src !== thumb) image.src = thumb;
  badge.textContent = problem ? "!" : `${count ?? "…"}`;
  badge.classList.toggle("bad", !!problem);
  button.setAttribute("aria-label", `${name}: ${state}`);
  if (selected) button.setAttribute("aria-current", "true");
  else button.removeAttribute("aria-current");
}
