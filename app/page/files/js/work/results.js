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
 * How many detections are shown.
 * @param {Detection[]} detections the most probable first
 * @param {Choice} choice
 */
export function countShown(detections, { confidence, label }) {
  let count = 0;
  for (const one of detections) {
    if (one.probability <= confidence) break;
    if (!label || one.label === label) count += 1;
  }
  return count;
}

/**
 * The detections that are shown, chosen as the server would choose them.
 * @param {Detection[]} detections
 * @param {Choice} choice
 * @returns {Found[]}
 */
export function shown(detections, { confidence, label }) {
  return detections
    .map((detection, index) => ({ ...detection, index }))
    .filter((one) => one.probability > confidence && (!label || one.label === label));
}

/**
 * Objects and pictures of each label above a confidence, the most frequent label first.
 * @param {Item[]} items
 * @param {number} confidence
 * @returns {[string, {objects: number, pictures: number}][]}
 */
export function totals(items, confidence) {
  /** @type {Map<string, {objects: number, pictures: number, last?: Item}>} */
  const labels = new Map();
  for (const item of items) {
    for (const { label, probability } of foundIn(item.answer)) {
      if (probability <= confidence) break;
      const total = labels.get(label) ?? { objects: 0, pictures: 0 };
      total.objects += 1;
      if (total.last !== item) total.pictures += 1;
      total.last = item;
      labels.set(label, total);
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
  for (const one of found) {
    const group = groups.get(one.label);
    if (group) group.push(one);
    else groups.set(one.label, [one]);
  }
  return [...groups];
}

/**
 * Such as "2 × person, 1 × bus".
 * @param {[string, number][]} labels
 */
export function counts(labels) {
  return labels.map(([label, count]) => `${count} × ${label}`).join(", ");
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
