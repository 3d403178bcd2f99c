/**
 * Such as "1 object", "No objects" or "12 objects".
 * @param {number} count
 * @param {string} one
 */
export function plural(count, one) {
  return `${count || "No"} ${one}${count === 1 ? "" : "s"}`;
}

/** @param {number} ratio */
export function percent(ratio) {
  return `${Math.round(ratio * 100)}%`;
}

/**
 * Such as "20 MiB", "3.4 MiB" or "512 KiB".
 * @param {number} bytes
 */
export function bytes(bytes) {
  const unit = bytes < 2 ** 20 ? "KiB" : "MiB";
  const value = bytes / (unit === "KiB" ? 2 ** 10 : 2 ** 20);
  return `${Number(value.toFixed(value < 10 ? 1 : 0))} ${unit}`;
}
