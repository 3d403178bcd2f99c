import { curl, fetchCode, json, python } from "./code.js";
import { copy } from "./copy.js";
import { by } from "./dom.js";
import { Tabs } from "./tabs.js";

/** The answer as JSON and the request as code, under tabs, ready to copy. */
export class Panel {
  /** @type {Record<string, string>} */
  #texts = {};

  /** @param {(text: string) => void} say */
  constructor(say) {
    const tabs = [by.tabJson, by.tabCurl, by.tabFetch, by.tabPython];
    this.tabs = new Tabs(tabs, by.panel, () => this.#render());
    by.copy.addEventListener("click", async () => {
      by.copy.textContent = (await copy(by.code.textContent ?? "")) ? "Copied" : "Not copied";
      say(by.copy.textContent);
      setTimeout(() => (by.copy.textContent = "Copy"), 1500);
    });
  }

  /**
   * @param {Asked} asked
   * @param {Result | null} result
   */
  show(asked, result) {
    this.#texts = {
      tabJson: result ? json(result) : "",
      tabCurl: curl(asked),
      tabFetch: fetchCode(asked),
      tabPython: python(asked),
    };
    this.#render();
  }

  #render() {
    by.code.textContent = this.#texts[this.tabs?.selected.id] ?? "";
  }
}
