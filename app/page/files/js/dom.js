/**
 * The elements of the page by their ids.
 * @type {Parts}
 */
export const by = /** @type {any} */ (
  Object.fromEntries([...document.querySelectorAll("[id]")].map((part) => [part.id, part]))
);

/**
 * @param {string} selector of buttons
 * @param {(button: HTMLElement) => void} action
 */
export function onClick(selector, action) {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(selector))) {
    button.addEventListener("click", () => action(button));
  }
}

/**
 * A new element. Strings become text, never HTML.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} className
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/**
 * A new SVG element.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {string} className
 * @param {Node[]} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function draw(tag, className = "", ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  if (className) element.setAttribute("class", className);
  element.append(...children);
  return element;
}

/**
 * The value of a key, which is made when it is first asked for.
 * @template K, V
 * @param {Map<K, V>} map
 * @param {K} key
 * @param {(key: K) => V} create
 */
export function kept(map, key, create) {
  const value = map.get(key) ?? create(key);
  map.set(key, value);
  return value;
}

/**
 * Sets attributes.
 * @param {Element} element
 * @param {Record<string, string | number>} attributes
 */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, `${value}`);
}

/**
 * Makes these nodes the only children. Nodes in the right order are not touched, so that they keep
 * focus and animations.
 * @param {Element} parent
 * @param {Element[]} nodes
 */
export function arrange(parent, nodes) {
  const kept = new Set(nodes);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  let next = parent.firstElementChild;
  for (const node of nodes) {
    if (node === next) next = next.nextElementSibling;
    else parent.insertBefore(node, next);
  }
}
