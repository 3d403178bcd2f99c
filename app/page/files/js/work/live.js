import { Problem } from "../api.js";
import { snapshot } from "./picture.js";

const LONGEST_SIDE = 960;

/** Milliseconds over which frames are counted. */
const COUNTED_MS = 2000;

/** The live camera: the next frame is sent when the last one is answered. */
export class Live {
  /** @type {number[]} */
  #times = [];

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

  /**
   * Runs until it is stopped. Throws a Problem.
   * @param {AbortSignal} signal
   * @param {() => void} onOpen called when the camera shows something
   */
  async run(signal, onOpen) {
    const stream = await openCamera();
    this.#times = [];
    try {
      if (signal.aborted) return;
      this.video.srcObject = stream;
      await this.video.play();
      if (signal.aborted) return;
      onOpen();
      while (!signal.aborted) await this.#step(stream, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      for (const track of stream.getTracks()) track.stop();
      if (this.video.srcObject === stream) this.video.srcObject = null;
    }
  }

  /**
   * @param {MediaStream} stream
   * @param {AbortSignal} signal
   */
  async #step(stream, signal) {
    await new Promise(requestAnimationFrame); // It waits while the tab is hidden.
    if (!stream.active) throw new Problem("The camera stopped", "Is it still connected?", RETRY);
    const { videoWidth, videoHeight } = this.video;
    if (signal.aborted || !videoWidth) return;
    const scale = Math.min(1, LONGEST_SIDE / Math.max(videoWidth, videoHeight));
    const [width, height] = [Math.round(videoWidth * scale), Math.round(videoHeight * scale)];
    const file = await snapshot(this.video, { width, height });
    const answer = await this.api.detect(file, signal);
    if (!signal.aborted) this.onFrame({ file, width, height, answer, rate: this.#rate() });
  }

  #rate() {
    const now = performance.now();
    this.#times = [...this.#times.filter((time) => now - time < COUNTED_MS), now];
    return this.#times.length < 2 ? 0 : ((this.#times.length - 1) * 1000) / (now - this.#times[0]);
  }
}

const RETRY = { again: true };

async function openCamera() {
  if (!navigator.mediaDevices) {
    const detail = "Browsers open the camera only for addresses with https, and for localhost.";
    throw new Problem("No camera here", detail);
  }
  try {
    const video = { facingMode: "environment", width: { ideal: 1280 } };
    return await navigator.mediaDevices.getUserMedia({ video });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    const [title, detail] =
      name === "NotAllowedError"
        ? ["The camera is not allowed", "Allow this page to use it in the browser's settings."]
        : name === "NotFoundError"
          ? ["No camera was found", "Connect one, or choose photos instead."]
          : ["The camera does not open", "Another program may be using it."];
    throw new Problem(title, detail, RETRY);
  }
}
