import { kept } from "../dom.js";

const GOLDEN_RATIO = 0.618033988749895;

/**
 * The objects that were found, or the labels of the whole picture.
 * @param {Answer | null | undefined} answer
 * @returns {Detection[]}
 */
export function foundIn(answer) {
  return answer?.result.classifications ?? answer?.result.detections ?? [];
}

/**
 * Whether a detection is shown: chosen as the server would choose it.
 * @param {Choice} choice
 * @returns {(one: Detection) => boolean}
 */
export function chosenBy({ confidence, label }) {
  return (one) => one.probability > confidence && (!label || one.label === label);
}

/**
 * The detections that are shown.
 * @param {Detection[]} detections
 * @param {Choice} choice
 * @returns {Found[]}
 */
export function shown(detections, choice) {
  return detections.map((detection, index) => ({ ...detection, index })).filter(chosenBy(choice));
}

/**
 * Objects and pictures of each label above a confidence, the most frequent label first.
 * @param {Item[]} items
 * @param {number} confidence
 * @returns {[string, Total][]}
 */
export function totals(items, confidence) {
  /** @type {Map<string, Total>} */
  const labels = new Map();
  for (const item of items) {
    for (const { label, probability } of foundIn(item.answer)) {
      if (probability <= confidence) break;
      const total = kept(labels, label, () => ({ objects: 0, pictures: new Set() }));
      total.objects += 1;
      total.pictures.add(item);
    }
  }
  return [...labels].sort(([, a], [, b]) => b.objects - a.objects);
}

/**
 * By label, in the order in which the labels first come.
 * @param {Found[]} found
 * @returns {[string, Found[]][]}
 */
export function byLabel(found) {
  /** @type {Map<string, Found[]>} */
  const groups = new Map();
  for (const one of found) kept(groups, one.label, () => []).push(one);
  return [...groups];
}

/**
 * Such as "2 × person, 1 × bus".
 * @param {[string, Total][]} labels
 */
export function counts(labels) {
  return labels.map(([label, { objects }]) => `${objects} × ${label}`).join(", ");
}

/**
 * The colour of a class, the same that the service draws with, far from its neighbours' colours.
 * @param {number} classId
 */
export function colourOf(classId) {
  return `rgb(${channels(classId).join(" ")})`;
}

/**
 * Black or white, whichever can be read on that colour.
 * @param {number} classId
 */
export function inkOn(classId) {
  const [red, green, blue] = channels(classId).map((value) => (value / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000" : "#fff";
}

/** @param {number} classId */
function channels(classId) {
  const hue = (classId * GOLDEN_RATIO) % 1;
  const saturation = classId % 2 ? 0.85 : 0.65;
  return [5, 3, 1].map((offset) => {
    const turn = (offset + hue * 6) % 6;
    const depth = Math.max(0, Math.min(turn, 4 - turn, 1));
    return Math.round(255 * 0.95 * (1 - saturation * depth));
  });
}
