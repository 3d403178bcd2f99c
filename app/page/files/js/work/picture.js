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
  const url = URL.createObjectURL(file);
  let bitmap = null;
  try {
    const size = await sizeOf(url);
    const longest = Math.max(size.width, size.height);
    const sent = scaled(size, LONGEST_SIDE / longest);
    // Decodes and scales on another thread, so that the page answers meanwhile.
    const options = /** @type {const} */ ({
      resizeWidth: sent.width,
      resizeHeight: sent.height,
      resizeQuality: "high",
    });
    const large = longest > LONGEST_SIDE;
    bitmap = await createImageBitmap(file, large ? options : {});
    const upload = large ? await snapshot(bitmap, sent) : file;
    const small = Math.max(THUMB.width / size.width, THUMB.height / size.height);
    const thumb = scaled(size, Math.min(small, THUMB.most / longest));
    const made = withThumb && URL.createObjectURL(await snapshot(bitmap, thumb));
    return { upload, size, thumb: made || "" };
  } catch {
    return { upload: file, size: null, thumb: "" }; // The server may be able to read it.
  } finally {
    bitmap?.close();
    URL.revokeObjectURL(url);
  }
}

/**
 * The upright size. Rejects if the browser cannot read the file. Does not decode it.
 * @param {string} url
 * @returns {Promise<Size>}
 */
async function sizeOf(url) {
  const image = new Image();
  image.src = url;
  await new Promise((resolve, reject) => Object.assign(image, { onload: resolve, onerror: reject }));
  return { width: image.naturalWidth, height: image.naturalHeight };
}

/**
 * @param {Size} size
 * @param {number} scale above 1 leaves the size as it is
 */
export function scaled(size, scale) {
  const factor = Math.min(1, scale);
  const side = (/** @type {number} */ pixels) => Math.max(1, Math.round(pixels * factor));
  return { width: side(size.width), height: side(size.height) };
}

/**
 * What is seen now, upright, as a JPEG.
 * @param {CanvasImageSource} source
 * @param {Size} size
 * @returns {Promise<Blob>}
 */
export function snapshot(source, { width, height }) {
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
