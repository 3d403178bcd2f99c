import { make } from "./dom.js";

/** @typedef {import("./api.js").Stage} Stage */

/**
 * What each stage took, as a bar and in words.
 * @param {HTMLElement} root
 * @param {Stage[]} stages
 * @param {number} roundTrip milliseconds, from the request to its answer
 */
export function showTiming(root, stages, roundTrip) {
  const bar = make("div", "timing-bar");
  bar.setAttribute("aria-hidden", "true");
  const list = make("dl");
  for (const { name, ms } of stages) {
    const part = make("span", `stage-${name}`);
    part.style.flexGrow = `${ms}`;
    bar.append(part);
    list.append(entry(name, ms, `stage-${name}`));
  }
  list.append(entry("round trip", roundTrip, ""));
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
