import { asProblem, unreached } from "./api.js";
import { by } from "./dom.js";

let again = () => {};
let speech = 0;
by.noticeAgain.addEventListener("click", () => again());
by.noticeClose.addEventListener("click", () => tell(""));

/**
 * Shows what concerns no single picture.
 * @param {string} words "" for none
 * @param {boolean} canTryAgain
 */
export function tell(words, canTryAgain = false) {
  by.notice.hidden = !words;
  by.noticeText.textContent = words;
  by.noticeAgain.hidden = !canTryAgain;
}

/**
 * Tells screen readers.
 * @param {string} text
 * @param {number} delay milliseconds, so that a moving slider speaks once
 */
export function say(text, delay = 0) {
  clearTimeout(speech);
  speech = setTimeout(() => (by.status.textContent = text), delay);
}

/**
 * Does something that may fail, and tells of it.
 * @param {() => Promise<unknown>} action
 */
export async function attempt(action) {
  tell("");
  try {
    await action();
  } catch (error) {
    const problem = asProblem(error);
    again = () => attempt(action);
    tell(`${problem.title}. ${problem.detail}`, problem.again);
  }
}

/**
 * A part of the page that is loaded when it is first used. Throws a Problem without the server.
 * @template T
 * @param {Promise<T>} module
 * @returns {Promise<T>}
 */
export async function part(module) {
  try {
    return await module;
  } catch {
    throw unreached();
  }
}
