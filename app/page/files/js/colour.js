const GOLDEN_RATIO = 0.618033988749895;

/**
 * Always the same for a class, far from its neighbours', and the one that the service draws with.
 * @param {number} classId
 */
export function colourOf(classId) {
  return `rgb(${channels(classId).join(" ")})`;
}

/**
 * What can be read on that colour.
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
