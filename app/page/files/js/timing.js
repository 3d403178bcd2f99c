import { make } from "./dom.js";

/**
 * What each stage took, as a bar and in words.
 * @param {HTMLElement} root
 * @param {Answer | null} answer
 */
export function showTiming(root, answer) {
  root.hidden = !answer;
  if (!answer) return;
  const bar = make("div", "timing-bar");
  bar.setAttribute("aria-hidden", "true");
  const list = make("dl");
  for (const { name, ms } of answer.stages) {
    const part = make("span", `stage-${name}`);
    part.style.flexGrow = `${ms}`;
    bar.append(part);
    list.append(entry(name, ms, `stage-${name}`));
  }
  list.append(entry("round trip", answer.roundTrip, ""));
  root.replaceChildren(bar, list);
}

/**
 * @param {string} name
 * @param {number} ms
 * @param {string} colour
 */
function entry(name, ms, colour) {
  const dot = make("span", `dot ${colour}`);
  const value = `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  return make("div", "", make("dt", "", dot, name), make("dd", "", value));
}
