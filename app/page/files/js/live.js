import { Problem } from "./api.js";
import { snapshot } from "./picture.js";

const LONGEST_SIDE = 960;

/** The camera: the next frame goes out when the last one is answered. */
export class Live {
  /** @type {MediaStream | null} */
  #stream = null;
  #stopper = new AbortController();

  /**
   * @param {HTMLVideoElement} video
   * @param {Api} api
   * @param {(frame: Frame) => void} onFrame
   */
  constructor(video, api, onFrame) {
    this.video = video;
    this.api = api;
    this.onFrame = onFrame;
  }

  /** Runs until it is stopped; throws a Problem. */
  async run() {
    this.stop();
    const { signal } = (this.#stopper = new AbortController());
    const stream = await openCamera();
    if (signal.aborted) return close(stream);
    this.#stream = stream;
    this.video.srcObject = stream;
    try {
      await this.video.play();
      while (!signal.aborted) await this.#step(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      close(stream);
    }
  }

  stop() {
    this.#stopper.abort();
    if (this.#stream) close(this.#stream);
    this.#stream = null;
    this.video.srcObject = null;
  }

  /** @param {AbortSignal} signal */
  async #step(signal) {
    await new Promise(requestAnimationFrame); // which waits while nobody looks
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth) return;
    const scale = Math.min(1, LONGEST_SIDE / Math.max(videoWidth, videoHeight));
    const [width, height] = [Math.round(videoWidth * scale), Math.round(videoHeight * scale)];
    const file = await snapshot(this.video, width, height);
    try {
      const answer = await this.api.detect(file, signal);
      if (!signal.aborted) this.onFrame({ file, width, height, answer });
    } catch (error) {
      if (!(error instanceof Problem && error.retryAfter)) throw error;
      await new Promise((resolve) => setTimeout(resolve, error.retryAfter * 1000));
    }
  }
}

async function openCamera() {
  if (!navigator.mediaDevices) {
    throw new Problem("No camera here", "Browsers open it on https addresses and localhost alone.");
  }
  try {
    const video = { facingMode: "environment", width: { ideal: 1280 } };
    return await navigator.mediaDevices.getUserMedia({ video });
  } catch (error) {
    const denied = error instanceof DOMException && error.name === "NotAllowedError";
    throw denied
      ? new Problem("The camera stays closed", "Allow this page to use it, and try again.")
      : new Problem("No camera here", "None was found, or another program uses it.");
  }
}

/** @param {MediaStream} stream */
function close(stream) {
  for (const track of stream.getTracks()) track.stop();
}
