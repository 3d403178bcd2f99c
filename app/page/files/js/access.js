import { asProblem } from "./api.js";
import { by } from "./dom.js";

/** Where a key lies until this tab is closed. */
const STORED = "spotter-key";

/** Asks for the API key, if the server needs one. */
export class Access {
  /** Labels of the model, once it is known. */
  labels = /** @type {string[]} */ ([]);

  /**
   * @param {Api} api
   * @param {(model: Model) => void} onOpen called when the server takes the key, or needs none
   */
  constructor(api, onOpen) {
    this.api = api;
    this.onOpen = onOpen;
    api.key = stored();
    by.access.addEventListener("submit", (event) => {
      event.preventDefault();
      api.key = by.key.value.trim();
      this.open();
    });
  }

  /** Tries whether the server answers with the key so far. */
  async open() {
    const tried = this.api.key;
    try {
      const model = await this.api.model();
      by.access.hidden = true;
      this.api.key = tried;
      store(tried);
      this.labels = model.labels;
      this.onOpen(model);
    } catch (error) {
      const problem = asProblem(error);
      if (problem.code === "AccessDenied") return this.ask(tried);
      if (tried) this.#say(`${problem.title}. ${problem.detail}`);
    }
  }

  /** @param {string} refused the key that was not accepted, "" if there was none */
  ask(refused = "") {
    store("");
    this.api.key = "";
    const wrong = "The server does not know this key. Is it complete, with capitals as they were?";
    if (refused || by.access.hidden) this.#say(refused && wrong);
    by.access.hidden = false;
    if (refused) by.key.select();
    by.key.focus();
  }

  /** @param {string} wrong */
  #say(wrong) {
    by.wrongKey.textContent = wrong;
    by.key.setAttribute("aria-invalid", `${!!wrong}`);
  }
}

function stored() {
  try {
    return sessionStorage.getItem(STORED) ?? "";
  } catch {
    return ""; // The browser lets pages store nothing.
  }
}

/** @param {string} key "" to forget it */
function store(key) {
  try {
    if (key) sessionStorage.setItem(STORED, key);
    else sessionStorage.removeItem(STORED);
  } catch {
    // The key is kept until the page is left.
  }
}
