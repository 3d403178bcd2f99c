/** Longest side, in pixels, that is worth sending: more than any model looks at. */
const LONGEST_SIDE = 1920;

/**
 * A file made ready: large photos become smaller here, before they travel.
 * @param {Blob} file
 * @returns {Promise<Picture>}
 */
export async function prepare(file) {
  const url = URL.createObjectURL(file);
  try {
    const image = await load(url);
    const { naturalWidth: width, naturalHeight: height } = image;
    const scale = LONGEST_SIDE / Math.max(width, height);
    if (scale >= 1) return { upload: file, url, width, height, scaled: "" };
    const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
    const upload = await snapshot(image, size.width, size.height);
    URL.revokeObjectURL(url);
    const scaled = `Sent as ${size.width} × ${size.height} pixels instead of ${width} × ${height}.`;
    return { upload, url: URL.createObjectURL(upload), ...size, scaled };
  } catch {
    URL.revokeObjectURL(url);
    return { upload: file, url: "", width: 0, height: 0, scaled: "" };
  }
}

/**
 * Rejects where the browser cannot show it.
 * @param {string} url
 */
export async function load(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  if (!image.naturalWidth) throw new Error("A picture without a size.");
  return image;
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
