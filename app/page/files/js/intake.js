import { by, onClick } from "./dom.js";

/**
 * Takes files that are dropped anywhere on the page, and shows that it would.
 * @param {Take} take
 */
export function onDrop(take) {
  let depth = 0;
  const follow = (/** @type {DragEvent} */ event) => {
    const { type, dataTransfer } = event;
    if (!dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (type === "dragenter") depth += 1;
    if (type === "dragleave") depth = Math.max(0, depth - 1);
    if (type === "drop") {
      depth = 0;
      take([...dataTransfer.files]);
    }
    by.dropHere.hidden = !depth;
  };
  for (const type of /** @type {const} */ (["dragenter", "dragleave", "dragover", "drop"])) {
    addEventListener(type, follow);
  }
}

/**
 * Takes files that are pasted anywhere on the page.
 * @param {Take} take
 */
export function onPaste(take) {
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    take(files);
  });
}

/**
 * Buttons that open a file input.
 * @param {HTMLInputElement} input
 * @param {string} action
 * @param {Take} take
 */
export function onChoose(input, action, take) {
  onClick(`[data-do=${action}]`, () => input.click());
  input.addEventListener("change", () => {
    take([...(input.files ?? [])]);
    input.value = "";
  });
}
