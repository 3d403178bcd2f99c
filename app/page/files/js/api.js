import { bytes } from "./words.js";

/** The page asks once with this threshold; its slider filters the answer. */
export const LOWEST_CONFIDENCE = 0.05;

/** How often a request is sent that a busy server puts off. */
const TRIES = 4;

/** An error in words for people. */
export class Problem extends Error {
  /** Of the API. */
  code = "";
  /** Whether the same may work later. */
  again = false;
  /** Seconds until then, 0 if the server does not say. */
  after = 0;
  /** Whether the server was not reached. */
  unreached = false;

  /**
   * @param {string} title
   * @param {string} detail
   * @param {{code?: string, again?: boolean, after?: number, unreached?: boolean}} more
   */
  constructor(title, detail, more = {}) {
    super(detail);
    this.title = title;
    this.detail = detail;
    Object.assign(this, more);
  }
}

/**
 * @param {unknown} error
 * @returns {Problem}
 */
export function asProblem(error) {
  return error instanceof Problem ? error : new Problem("This did not work", String(error));
}

export class Api {
  /** Sent with each request unless it is empty. */
  key = "";
  /** Query that asks for masks, "" if the model has none. */
  masks = "";
  /** Query that asks for tiles, "" if the visitor does not want them. */
  tiles = "";

  get more() {
    return this.masks + this.tiles;
  }

  /**
   * @param {Blob} picture
   * @param {AbortSignal} [signal]
   * @returns {Promise<Answer>}
   */
  async detect(picture, signal) {
    const began = performance.now();
    const path = detectPath({ confidence: LOWEST_CONFIDENCE, label: "" }, this.more);
    const response = await this.#post(picture, path, "application/json", signal);
    const result = await response.json();
    const stages = parseTiming(response.headers.get("Server-Timing") ?? "");
    return { result, stages, roundTrip: performance.now() - began };
  }

  /**
   * The upright picture as the server sees it, with the chosen boxes drawn on it.
   * @param {Blob} picture
   * @param {Choice} choice a confidence of 1 for no boxes
   * @returns {Promise<Blob>}
   */
  async drawn(picture, choice) {
    return (await this.#post(picture, detectPath(choice, this.tiles), "image/jpeg")).blob();
  }

  /** @returns {Promise<Model>} */
  async model() {
    const model = await (await this.#fetch("model", {})).json();
    this.masks = model.task === "segment" ? "&masks=polygons" : "";
    return model;
  }

  /**
   * @param {URLSearchParams} query
   * @returns {Promise<Hits>}
   */
  async search(query) {
    return (await this.#fetch(`search?${query}`, {})).json();
  }

  /**
   * @param {Blob} picture
   * @param {string} path
   * @param {string} accept
   * @param {AbortSignal} [signal]
   */
  #post(picture, path, accept, signal) {
    const body = new FormData();
    body.append("file", picture);
    return this.#fetch(path, { method: "POST", body, headers: { Accept: accept }, signal });
  }

  /**
   * Throws a Problem, or an AbortError.
   * @param {string} path relative to the page, which may lie under a stage path
   * @param {RequestInit} options
   * @param {number} tries
   * @returns {Promise<Response>}
   */
  async #fetch(path, options, tries = TRIES) {
    const headers = new Headers(options.headers);
    // Headers take Latin-1 only: the key travels as UTF-8.
    const key = String.fromCharCode(...new TextEncoder().encode(this.key));
    if (key) headers.set("X-API-Key", key);
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch (error) {
      throw options.signal?.aborted ? error : unreached();
    }
    if (response.ok) return response;
    const problem = await problemOf(response);
    if (!problem.after || tries === 1) throw problem;
    await pause(problem.after * 1000, options.signal);
    return this.#fetch(path, options, tries - 1);
  }
}

/**
 * @param {Choice} choice
 * @param {string} more
 */
export function detectPath({ confidence, label }, more) {
  return `detect?confidence=${confidence}${label && `&classes=${encodeURIComponent(label)}`}${more}`;
}

/** The server was not reached: the fault of this device's network, or of the server. */
export function unreached() {
  const [title, detail] = navigator.onLine
    ? ["The server does not answer", "It may be down or starting again. Try again in a moment."]
    : ["No network", "This device is offline. Pictures are sent when the network is back."];
  return new Problem(title, detail, { again: true, unreached: true });
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal | null} [signal] ends the pause
 */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", resolve);
  });
}

/**
 * @param {Response} response
 * @returns {Promise<Problem>}
 */
async function problemOf(response) {
  const { status } = response;
  const after = Number(response.headers.get("Retry-After")) || 0;
  const again = status === 408 || status === 429 || status >= 500;
  if (status === 401) {
    const detail = "Enter it above; this picture is sent then.";
    return new Problem("This server needs an API key", detail, { code: "AccessDenied" });
  }
  try {
    const { title, detail, code } = await response.json();
    const words = withoutRepeats(status, title, readable(detail));
    if (title) return new Problem(...words, { code, again, after });
  } catch {
    // The answer is from a proxy before Spotter.
  }
  if (status === 413) return new Problem("The file is too large", "The server refuses its size.");
  const detail = `The server answered with status ${status}.`;
  return new Problem("No answer from Spotter", detail, { again, after });
}

/**
 * Title and detail that do not say the same: of a bad image, the detail says it all.
 * @param {number} status
 * @param {string} title
 * @param {string} detail
 * @returns {[string, string]}
 */
function withoutRepeats(status, title, detail) {
  if (![413, 415, 422].includes(status)) return [title, detail];
  const [, first, rest] = /^(.+?)(?:\.?$|\.\s+(?=[A-Z])(.*)$)/s.exec(detail) ?? ["", detail];
  return [first, rest ?? ""];
}

/**
 * With large numbers of bytes as MiB.
 * @param {string} detail
 */
function readable(detail) {
  return detail.replace(/(\d{5,}) bytes/g, (_, count) => bytes(Number(count)));
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
