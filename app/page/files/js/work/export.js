import { asProblem } from "../api.js";
import { foundIn, shown } from "./results.js";
import { prepare } from "./picture.js";

/** @typedef {{file: string, image: Size, detections: Detection[]}} Entry */
/** @typedef {{name: string, content: Blob}} Stored */

/** @param {Stored} file */
export function download({ name, content }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * The picture with its boxes, and a name for it.
 * @param {Api} api
 * @param {Item} item
 * @param {Choice} choice
 * @returns {Promise<Stored>}
 */
export async function withBoxes(api, { name, file }, choice) {
  const { upload } = await prepare(file, false);
  const content = await api.drawn(upload, choice);
  return { name: `${name.replace(/\.\w+$/, "")}-boxes.jpg`, content };
}

/**
 * What was found in all pictures, in pixels of the files, as one file.
 * @param {string} form json, csv or coco
 * @param {Item[]} items with answers
 * @param {Choice} choice
 * @param {string[]} labels of the model
 * @returns {Stored}
 */
export function table(form, items, choice, labels) {
  const names = uniqueNames(items);
  const entries = items.flatMap((item, i) => entryOf(item, names[i], choice));
  if (form === "csv") {
    return { name: "spotter.csv", content: new Blob([csv(entries)], { type: "text/csv" }) };
  }
  if (form === "coco") return json("spotter-coco.json", coco(entries, labels));
  const { confidence, label } = choice;
  const model = items[0].answer?.result.model;
  return json("spotter.json", { model, confidence, ...(label && { label }), pictures: entries });
}

/**
 * @param {string} name
 * @param {object} value
 * @returns {Stored}
 */
function json(name, value) {
  const content = new Blob([JSON.stringify(value, null, 1)], { type: "application/json" });
  return { name, content };
}

/**
 * All pictures with their boxes in a zip. Throws a Problem if none can be drawn.
 * @param {Api} api
 * @param {Item[]} items at least one
 * @param {Choice} choice
 * @param {(done: number) => void} onProgress
 * @returns {Promise<Stored & {count: number}>} how many could be drawn
 */
export async function pictures(api, items, choice, onProgress) {
  /** @type {Stored[]} */
  const files = [];
  /** @type {unknown} */
  let failure;
  for (const [done, item] of items.entries()) {
    onProgress(done);
    try {
      files.push(await withBoxes(api, item, choice));
    } catch (error) {
      failure = error;
      if (asProblem(error).unreached) throw error;
    }
  }
  if (!files.length) throw failure;
  const names = uniqueNames(files);
  const stored = files.map(({ content }, i) => ({ name: names[i], content }));
  return { name: "spotter.zip", content: await zip(stored), count: files.length };
}

/**
 * Names that occur once, and that no system takes for a path.
 * @param {{name: string}[]} files
 */
function uniqueNames(files) {
  const taken = new Set();
  return files.map(({ name }) => {
    const [, stem, ending] = /** @type {string[]} */ (
      /^(.*?)(\.\w+)?$/s.exec(name.replace(/[\\/:*?"<>|\0-\x1f]/g, "_"))
    );
    let unique = stem + (ending ?? "");
    for (let i = 2; taken.has(unique.toLowerCase()); i += 1) unique = `${stem}-${i}${ending ?? ""}`;
    taken.add(unique.toLowerCase());
    return unique;
  });
}

/**
 * @param {Item} item
 * @param {string} file
 * @param {Choice} choice
 * @returns {Entry[]} none before the answer
 */
function entryOf({ answer, size }, file, choice) {
  if (!answer) return [];
  // The page may have sent the picture smaller than the file is.
  const { width, height } = size ?? answer.result.image;
  const { image } = answer.result;
  /** @type {(point: Place) => Place} */
  const place = ([x, y]) => [
    rounded((x * width) / image.width),
    rounded((y * height) / image.height),
  ];
  const detections = shown(foundIn(answer), choice).map(({ index: _, ...one }) => {
    const { normalizedBox, corners, polygons, keypoints } = one;
    if (!normalizedBox) return one;
    const [x, y, w, h] = normalizedBox;
    const boundingBox = [x * width, y * height, w * width, h * height].map(rounded);
    return {
      ...one,
      boundingBox: /** @type {Detection["boundingBox"]} */ (boundingBox),
      corners: corners?.map(place),
      polygons: polygons?.map((ring) => ring.map(place)),
      keypoints: keypoints?.map((point) => {
        const [x, y] = place([point.x, point.y]);
        return { ...point, x, y };
      }),
    };
  });
  return [{ file, image: { width, height }, detections }];
}

/** @param {number} value */
function rounded(value) {
  return Math.round(value * 100) / 100;
}

/** @param {Entry[]} entries */
function csv(entries) {
  const rows = entries.flatMap(({ file, image, detections }) =>
    detections.map(({ label, classId, probability, boundingBox = ["", "", "", ""] }) => {
      const numbers = [classId, probability, ...boundingBox, image.width, image.height];
      return [cell(file), cell(label), ...numbers].join(",");
    }),
  );
  const head = "file,label,class_id,probability,x,y,width,height,image_width,image_height";
  return [head, ...rows, ""].join("\r\n");
}

/**
 * Quoted if need be. A leading quotation mark keeps spreadsheets from running it as a formula.
 * @param {string} text
 */
function cell(text) {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

/**
 * @param {Entry[]} entries
 * @param {string[]} labels
 */
function coco(entries, labels) {
  const images = entries.map(({ file, image }, i) => ({ id: i + 1, file_name: file, ...image }));
  const annotations = entries.flatMap(({ detections }, i) =>
    detections.flatMap(({ classId, probability, boundingBox: bbox, polygons }) => {
      if (!bbox) return [];
      const segmentation = polygons?.map((ring) => ring.flat());
      const [image_id, category_id, area] = [i + 1, classId + 1, rounded(bbox[2] * bbox[3])];
      return { image_id, category_id, bbox, area, iscrowd: 0, score: probability, segmentation };
    }),
  );
  const categories = labels.map((name, i) => ({ id: i + 1, name }));
  return { images, annotations: annotations.map((one, i) => ({ id: i + 1, ...one })), categories };
}

const UTF8_NAMES = 0x800;

/**
 * A zip whose files are stored as they are: JPEGs do not get smaller.
 * @param {Stored[]} files less than 4 GiB and 65,536 files
 */
async function zip(files) {
  /** @type {BlobPart[]} */
  const parts = [];
  /** @type {BlobPart[]} */
  const directory = [];
  let offset = 0;
  let directorySize = 0;
  const now = new Date();
  const day = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
  const time = (now.getHours() << 11) | (now.getMinutes() << 5);
  for (const { name, content } of files) {
    const encoded = new TextEncoder().encode(name);
    const sum = crc32(new Uint8Array(await content.arrayBuffer()));
    const [size, length] = [content.size, encoded.length];
    const shared = [2, 20, 2, UTF8_NAMES, 2, 0, 2, time, 2, day, 4, sum, 4, size, 4, size];
    const local = fields([4, 0x04034b50, ...shared, 2, length, 2, 0]);
    const rest = [2, length, 2, 0, 2, 0, 2, 0, 2, 0, 4, 0, 4, offset];
    const central = fields([4, 0x02014b50, 2, 20, ...shared, ...rest]);
    parts.push(local, encoded, content);
    directory.push(central, encoded);
    offset += local.length + length + size;
    directorySize += central.length + length;
  }
  const count = files.length;
  const sizes = [2, count, 2, count, 4, directorySize, 4, offset, 2, 0];
  const end = fields([4, 0x06054b50, 2, 0, 2, 0, ...sizes]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/**
 * Little-endian numbers.
 * @param {number[]} pairs of bytes and value
 */
function fields(pairs) {
  const all = [];
  for (let i = 0; i < pairs.length; i += 2) {
    for (let byte = 0; byte < pairs[i]; byte += 1) all.push((pairs[i + 1] >>> (8 * byte)) & 255);
  }
  return new Uint8Array(all);
}

/** @param {Uint8Array} data */
function crc32(data) {
  let sum = -1;
  for (const byte of data) {
    sum ^= byte;
    // A branch here takes ten times as long.
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (0xedb88320 & -(sum & 1));
  }
  return (sum ^ -1) >>> 0;
}
