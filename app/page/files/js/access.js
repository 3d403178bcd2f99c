import { find } from "./dom.js";

/**
 * The form for an API key, shown when the server asks for one.
 * @param {(key: string) => void} onKey
 * @returns {(detail: string) => void} shows it, with the server's words
 */
export function accessForm(onKey) {
  const form = find("access", HTMLFormElement);
  const input = find("key", HTMLInputElement);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    form.hidden = true;
    onKey(input.value);
  });
  return (detail) => {
    find("access-text", HTMLElement).textContent = detail;
    if (!form.hidden) return;
    form.hidden = false;
    input.focus();
  };
}
