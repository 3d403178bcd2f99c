import { make } from "./dom.js";
import { sift } from "./sift.js";

/** The row of small pictures, where there are several. */
export class Strip {
  /**
   * @param {HTMLElement} root
   * @param {(item: Item) => void} onSelect
   */
  constructor(root, onSelect) {
    this.root = root;
    this.onSelect = onSelect;
    /** @type {Map<Item, HTMLButtonElement>} */
    this.buttons = new Map();
  }

  /**
   * @param {Item[]} items
   * @param {Item | null} selected
   * @param {number} confidence
   */
  show(items, selected, confidence) {
    this.root.hidden = items.length < 2;
    if (!items.length) {
      this.buttons.clear();
      this.root.replaceChildren();
    }
    for (const item of items) {
      const button = this.buttons.get(item) ?? this.#button(item);
      update(item, button, item === selected, confidence);
    }
  }

  /** @param {Item} item */
  #button(item) {
    const button = make("button", "", new Image(), make("span", "badge"));
    button.type = "button";
    button.addEventListener("click", () => this.onSelect(item));
    this.buttons.set(item, button);
    this.root.append(make("li", "", button));
    return button;
  }
}

/**
 * @param {Item} item
 * @param {HTMLButtonElement} button
 * @param {boolean} selected
 * @param {number} confidence
 */
function update(item, button, selected, confidence) {
  const [image, badge] = /** @type {[HTMLImageElement, HTMLElement]} */ ([...button.children]);
  const url = item.picture?.url ?? "";
  image.alt = "";
  image.hidden = !url;
  if (url && image.src !== url) image.src = url;
  const found = item.answer && sift(item.answer.result.detections, confidence).length;
  badge.textContent = item.problem ? "!" : (found?.toString() ?? "…");
  badge.classList.toggle("bad", !!item.problem);
  const state = item.problem
    ? item.problem.title
    : found === null
      ? "being looked at"
      : `${found} found`;
  button.setAttribute("aria-label", `${item.name}: ${state}`);
  if (selected) button.setAttribute("aria-current", "true");
  else button.removeAttribute("aria-current");
}
