/**
 * A place for each box's label within the frame, so that no label covers another: at an edge of
 * its box, outside or inside. Null where none is free; who comes first chooses first.
 * @param {Box[]} boxes
 * @param {Size[]} labels
 * @param {Size} frame
 * @returns {(Box | null)[]}
 */
export function placeLabels(boxes, labels, frame) {
  /** @type {Box[]} */
  const taken = [];
  return boxes.map((box, index) => {
    const free = candidates(box, labels[index], frame).find(
      (place) => !taken.some((other) => overlap(place, other)),
    );
    if (free) taken.push(free);
    return free ?? null;
  });
}

/**
 * @param {Box} box
 * @param {Size} label
 * @param {Size} frame
 * @returns {Box[]}
 */
function candidates(box, { width, height }, frame) {
  const right = box.x + box.width - width;
  const bottom = box.y + box.height;
  const rows = [box.y - height, box.y, bottom - height, bottom];
  return rows
    .flatMap((y) => [{ x: box.x, y }, { x: right, y }])
    .map(({ x, y }) => ({ x: clamp(x, frame.width - width), y, width, height }))
    .filter(({ y }) => y >= 0 && y + height <= frame.height);
}

/**
 * @param {number} value
 * @param {number} most
 */
function clamp(value, most) {
  return Math.max(0, Math.min(value, most));
}

/**
 * @param {Box} a
 * @param {Box} b
 */
export function overlap(a, b) {
  return (
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
  );
}
