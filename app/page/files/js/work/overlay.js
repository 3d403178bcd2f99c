import { colourOf, inkOn } from "./results.js";
import { arrange, by, draw, kept, set } from "../dom.js";
import { percent } from "../words.js";

const LABEL_HEIGHT = 22;
const PADDING = 7;

/** Pairs of COCO's 17 keypoints that a line joins, as digits to the base 17. */
const BONES = "fd db ge ec bc 5b 6c 56 57 68 79 8a 12 01 02 13 24 35 46".split(" ");

/** Boxes and labels over a picture: vectors in CSS pixels, so crisp on every screen. */
export class Overlay {
  /** @type {Found[]} */
  #found = [];
  /**
   * Elements of each box by its index. They stay while the slider moves.
   * @type {Map<number, SVGGElement>}
   */
  #groups = new Map();
  /** @type {Size | undefined} */
  #image;
  #ruler = /** @type {CanvasRenderingContext2D} */ (
    document.createElement("canvas").getContext("2d")
  );

  constructor() {
    new ResizeObserver(() => this.#render()).observe(by.boxes);
  }

  /**
   * @param {Found[]} found most probable first
   * @param {boolean} fresh whether the boxes are those of a new picture, which appear softly
   * @param {Size} [image] pixels of the picture that the answer is about
   */
  show(found, fresh, image) {
    this.#image = image;
    by.boxes.classList.toggle("fresh", fresh);
    if (fresh) this.#groups.clear();
    this.#found = found.filter(({ normalizedBox }) => normalizedBox); // others have no place
    this.#render();
  }

  #render() {
    const frame = by.boxes.getBoundingClientRect();
    const { width, height } = frame;
    const { fontWeight, fontSize, fontFamily } = getComputedStyle(by.boxes);
    this.#ruler.font = `${fontWeight} ${fontSize} ${fontFamily}`;
    const image = this.#image ?? frame;
    const transform = `scale(${width / image.width} ${height / image.height})`;
    /** @type {Box[]} */
    const taken = [];
    const drawn = this.#found.map((one) => {
      const { index, classId, label, probability } = one;
      const [x, y, w, h] = one.normalizedBox ?? [0, 0, 0, 0];
      const box = { x: x * width, y: y * height, width: w * width, height: h * height };
      const text = `${label} ${percent(probability)}`;
      const textWidth = this.#ruler.measureText(text).width;
      const size = { width: textWidth + 2 * PADDING, height: LABEL_HEIGHT };
      const free = places(box, size, frame).find(
        (place) => !taken.some((other) => overlap(place, other)),
      );
      if (free) taken.push(free);
      const place = free ?? { ...size, x: clamp(box.x, width - size.width), y: box.y };
      const group = kept(this.#groups, index, newGroup);
      const [halo, edge, shape, joints, tag] = group.children;
      const [plate, words] = tag.children;
      const colour = colourOf(classId);
      set(halo, box);
      set(edge, { ...box, stroke: colour });
      group.classList.toggle("turned", !!one.corners);
      set(shape, { transform, d: outline(one), stroke: colour, fill: colour });
      set(joints, { transform, d: skeleton(one), stroke: colour });
      set(tag, { class: free ? "tag" : "tag crowded", fill: colour });
      set(plate, { ...place });
      set(words, { x: place.x + PADDING, y: place.y + LABEL_HEIGHT / 2, fill: inkOn(classId) });
      if (words.textContent !== text) words.textContent = text;
      return { group, area: box.width * box.height };
    });
    // Small boxes last: they lie above, where the pointer reaches them.
    drawn.sort((a, b) => b.area - a.area);
    arrange(by.boxes, drawn.map(({ group }) => group));
  }
}

/** @param {number} index */
function newGroup(index) {
  const tag = draw("g", "tag", draw("rect"), draw("text"));
  const paths = [draw("path"), draw("path", "joints")];
  const group = draw("g", "box", draw("rect", "halo"), draw("rect", "edge"), ...paths, tag);
  set(group, { "data-index": index });
  return group;
}

/**
 * Masks and turned boxes as a path in pixels of the picture.
 * @param {Detection} one
 */
function outline({ polygons = [], corners }) {
  return (corners ? [corners] : polygons).map((ring) => `M${ring.join("L")}Z`).join("");
}

/**
 * Keypoints as lines, of which those without a length are dots.
 * @param {Detection} one
 */
function skeleton({ keypoints = [] }) {
  const sure = keypoints.map(({ x, y, probability = 1 }) => probability >= 0.5 && `${x},${y}`);
  const lines = (sure.length === 17 ? BONES : []).map((pair) =>
    [...pair].map((digit) => sure[parseInt(digit, 17)]),
  );
  return [...sure.map((point) => [point, point]), ...lines]
    .filter(([from, to]) => from && to)
    .map((ends) => `M${ends.join("L")}`)
    .join("");
}

/**
 * Places for a box's label within the frame: at an edge of its box, outside or inside. The first
 * boxes choose first; no label covers another.
 * @param {Box} box
 * @param {Size} label
 * @param {Size} frame
 * @returns {Box[]}
 */
function places(box, { width, height }, frame) {
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
function overlap(a, b) {
  return (
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
  );
}
