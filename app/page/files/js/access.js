import { by } from "./dom.js";

/**
 * The form for an API key, shown when the server asks for one.
 * @param {(key: string) => void} onKey
 * @returns {(detail: string) => void} shows it, with the server's words
 */
export function accessForm(onKey) {
  by.access.addEventListener("submit", (event) => {
    event.preventDefault();
    by.access.hidden = true;
    onKey(by.key.value);
  });
  return (detail) => {
    by.accessText.textContent = detail;
    if (!by.access.hidden) return;
    by.access.hidden = false;
    by.key.focus();
  };
}
