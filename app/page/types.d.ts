// The types that the modules in files/js share; `tsc --checkJs` holds the modules against them.

/** As the API answers. */
interface Detection {
  label: string;
  classId: number;
  probability: number;
  /** x, y, width, height in pixels. */
  boundingBox: [number, number, number, number];
  /** The same, divided by the picture's width and height. */
  normalizedBox: [number, number, number, number];
}

/** A detection and its place in the whole answer. */
interface Found extends Detection {
  index: number;
}

interface Result {
  model: string;
  image: Size;
  detections: Detection[];
}

interface Stage {
  name: string;
  ms: number;
}

interface Answer {
  result: Result;
  stages: Stage[];
  /** Milliseconds from the request to its answer. */
  roundTrip: number;
}

interface Model {
  name: string;
  labels: string[];
  thresholds: { confidence: number };
}

type Api = import("./files/js/api.js").Api;
type Problem = import("./files/js/api.js").Problem;

interface Size {
  width: number;
  height: number;
}

interface Box extends Size {
  x: number;
  y: number;
}

/** A file made ready to be sent and shown. */
interface Picture extends Size {
  upload: Blob;
  /** "" where the browser cannot show it. */
  url: string;
  /** How it was made smaller, "" where it was not. */
  scaled: string;
}

interface Item {
  name: string;
  /** Address of a sample photo, "" for the visitor's own. */
  sample: string;
  file: Blob;
  picture: Picture | null;
  answer: Answer | null;
  problem: Problem | null;
}

/** A picture of the live camera and what is in it. */
interface Frame extends Size {
  file: Blob;
  answer: Answer;
}

/** A request, to be written as code. */
interface Asked {
  /** Of /detect with its query. */
  url: string;
  name: string;
  sample: string;
  /** Whether a key is needed. */
  locked: boolean;
}

/** Called with the index of a detection, or null for none. */
type Point = (index: number | null) => void;
type Choose = (index: number) => void;
type Take = (files: File[]) => void;

/** What of the page has an id. */
interface Parts {
  [id: string]: HTMLElement;
  access: HTMLFormElement;
  boxes: HTMLElement & SVGSVGElement;
  confidence: HTMLInputElement;
  files: HTMLInputElement;
  key: HTMLInputElement;
  photo: HTMLInputElement;
  picture: HTMLImageElement;
  video: HTMLVideoElement;
}
