/** What the page asks for; its slider sifts the answer, and asks no more. */
export const LOWEST_CONFIDENCE = 0.05;

/** An error in the API's own words. */
export class Problem extends Error {
  /**
   * @param {string} title
   * @param {string} detail
   * @param {string} code
   * @param {number} retryAfter seconds, 0 where the server does not say
   */
  constructor(title, detail, code = "", retryAfter = 0) {
    super(detail);
    this.title = title;
    this.detail = detail;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export class Api {
  /** Sent along where it is set, kept nowhere else. */
  key = "";

  /**
   * @param {Blob} picture
   * @param {AbortSignal} [signal]
   * @returns {Promise<Answer>}
   */
  async detect(picture, signal) {
    const began = performance.now();
    const response = await this.#post(picture, LOWEST_CONFIDENCE, "application/json", signal);
    const result = await response.json();
    const stages = parseTiming(response.headers.get("Server-Timing") ?? "");
    return { result, stages, roundTrip: performance.now() - began };
  }

  /**
   * The upright picture as the server sees it, with the boxes above a confidence drawn on it.
   * @param {Blob} picture
   * @param {number} confidence 1 for no boxes
   * @returns {Promise<Blob>}
   */
  async drawn(picture, confidence) {
    return (await this.#post(picture, confidence, "image/jpeg")).blob();
  }

  /** @returns {Promise<Model>} */
  async model() {
    return (await this.#fetch("model", {})).json();
  }

  /**
   * @param {Blob} picture
   * @param {number} confidence
   * @param {string} accept
   * @param {AbortSignal} [signal]
   */
  #post(picture, confidence, accept, signal) {
    const body = new FormData();
    body.append("file", picture);
    const options = { method: "POST", body, headers: { Accept: accept }, signal };
    return this.#fetch(`detect?confidence=${confidence}`, options);
  }

  /**
   * Throws a Problem.
   * @param {string} path relative to the page, which may lie under a stage path
   * @param {RequestInit} options
   */
  async #fetch(path, options) {
    const headers = new Headers(options.headers);
    if (this.key) headers.set("X-API-Key", this.key);
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new Problem("No answer", "The server cannot be reached, or the file cannot be read.");
    }
    if (!response.ok) throw await problemOf(response);
    return response;
  }
}

/**
 * @param {Response} response
 * @returns {Promise<Problem>}
 */
async function problemOf(response) {
  const after = Number(response.headers.get("Retry-After")) || 0;
  try {
    const { title, detail, code } = await response.json();
    if (title && detail) return new Problem(title, detail, code, after);
  } catch {
    // Not from the API but from something in between.
  }
  return new Problem("No answer", `The server answered with status ${response.status}.`, "", after);
}

/**
 * @param {string} header such as "decode;dur=5.90, inference;dur=48.12"
 * @returns {Stage[]}
 */
export function parseTiming(header) {
  return [...header.matchAll(/([\w-]+)[^,]*?;dur=([\d.]+)/g)].map(([, name, ms]) => ({
    name,
    ms: Number(ms),
  }));
}
