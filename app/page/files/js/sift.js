/**
 * Those above a probability, as the server itself would choose them.
 * @param {Detection[]} detections
 * @param {number} confidence
 * @returns {Found[]}
 */
export function sift(detections, confidence) {
  return detections
    .map((detection, index) => ({ ...detection, index }))
    .filter(({ probability }) => probability > confidence);
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
 * @param {Found[]} found
 */
export function counts(found) {
  return byLabel(found)
    .map(([label, group]) => `${group.length} × ${label}`)
    .join(", ");
}

/** @param {number} ratio */
export function percent(ratio) {
  return `${Math.round(ratio * 100)}%`;
}
