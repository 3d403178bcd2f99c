/** Longest side in pixels that is worth sending: more than any model looks at. */
const LONGEST_SIDE = 1920;

/** Pixels of a small copy: twice what the row of small pictures shows. */
const THUMB = { width: 176, height: 136, most: 512 };

/**
 * Makes large photos smaller before they travel. The whole picture is in memory only meanwhile.
 * @param {Blob} file
 * @param {boolean} withThumb
 * @returns {Promise<Prepared>}
 */
export async function prepare(file, withThumb = true) {
  let bitmap = null;
  try {
    bitmap = await createImageBitmap(file);
    const { width, height } = bitmap;
    const longest = Math.max(width, height);
    const small = Math.max(THUMB.width / width, THUMB.height / height);
    const upload = longest > LONGEST_SIDE ? await scaled(bitmap, LONGEST_SIDE / longest) : file;
    const thumb = withThumb && (await scaled(bitmap, Math.min(1, small, THUMB.most / longest)));
    return { upload, size: { width, height }, thumb: thumb ? URL.createObjectURL(thumb) : "" };
  } catch {
    return { upload: file, size: null, thumb: "" }; // The server may be able to read it.
  } finally {
    bitmap?.close();
  }
}

/**
 * @param {ImageBitmap} bitmap
 * @param {number} scale
 */
function scaled(bitmap, scale) {
  const side = (/** @type {number} */ pixels) => Math.max(1, Math.round(pixels * scale));
  return snapshot(bitmap, side(bitmap.width), side(bitmap.height));
}

/**
 * What is seen now, upright, as a JPEG.
 * @param {CanvasImageSource} source
 * @param {number} width
 * @param {number} height
 * @returns {Promise<Blob>}
 */
export function snapshot(source, width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  if (!context) throw new Error("No canvas.");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, width, height);
  return new Promise((resolve, reject) => {
    const done = (/** @type {Blob | null} */ blob) =>
      blob ? resolve(blob) : reject(new Error("The picture is too large for a canvas."));
    canvas.toBlob(done, "image/jpeg", 0.9);
  });
}
