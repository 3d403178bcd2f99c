/**
 * Takes files that are dropped anywhere on the page.
 * @param {HTMLElement} sign shown while something is dragged over the page
 * @param {Take} take
 */
export function onDrop(sign, take) {
  let depth = 0;
  /** @param {number} value */
  const setDepth = (value) => {
    depth = value;
    sign.classList.toggle("shown", depth > 0);
  };
  addEventListener("dragenter", (event) => {
    if (hasFiles(event)) setDepth(depth + 1);
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event)) setDepth(Math.max(0, depth - 1));
  });
  addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    setDepth(0);
    take([...(event.dataTransfer?.files ?? [])]);
  });
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
  for (const button of document.querySelectorAll(`[data-do="${action}"]`)) {
    button.addEventListener("click", () => input.click());
  }
  input.addEventListener("change", () => {
    take([...(input.files ?? [])]);
    input.value = "";
  });
}

/** @param {DragEvent} event */
function hasFiles(event) {
  return event.dataTransfer?.types.includes("Files") ?? false;
}
