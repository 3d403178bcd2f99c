import { Problem } from "../api.js";
import { by } from "../dom.js";
import { scaled, snapshot } from "./picture.js";

const LONGEST_SIDE = 960;

/** Milliseconds over which frames are counted; the last two are, however long ago. */
const COUNTED_MS = 2000;

const RETRY = { again: true };

/**
 * The live camera: the next frame is sent when the last one is answered. Runs until it is stopped.
 * Throws a Problem, or an AbortError.
 * @param {Api} api
 * @param {AbortSignal} signal
 * @param {() => void} onOpen called when the camera shows something
 * @param {(frame: Frame) => void} onFrame
 */
export async function runCamera(api, signal, onOpen, onFrame) {
  const { video } = by;
  const stream = await openCamera();
  /** @type {number[]} */
  let times = [];
  try {
    signal.throwIfAborted();
    video.srcObject = stream;
    await video.play();
    signal.throwIfAborted();
    onOpen();
    for (;;) {
      await new Promise(requestAnimationFrame); // It waits while the tab is hidden.
      signal.throwIfAborted();
      if (!stream.active) throw new Problem("The camera stopped", "Is it still connected?", RETRY);
      const { videoWidth: width, videoHeight: height } = video;
      if (!width) continue;
      const size = scaled({ width, height }, LONGEST_SIDE / Math.max(width, height));
      const file = await snapshot(video, size);
      const answer = await api.detect(file, signal);
      signal.throwIfAborted();
      const now = performance.now();
      times = [...times.filter((time, i) => now - time < COUNTED_MS || !times[i + 1]), now];
      const rate = ((times.length - 1) * 1000) / (now - times[0]);
      onFrame({ file, ...size, answer, rate });
    }
  } finally {
    for (const track of stream.getTracks()) track.stop();
    if (video.srcObject === stream) video.srcObject = null;
  }
}

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
