// The types that the modules in files/js share. `tsc --checkJs` checks the modules against them.

/** x and y in pixels. */
type Place = [number, number];

interface Keypoint {
  name: string;
  x: number;
  y: number;
  probability?: number;
}

/** One object, as the API answers; or a label of the whole picture, which has no box. */
interface Detection {
  label: string;
  classId: number;
  probability: number;
  /** x, y, width, height in pixels. */
  boundingBox?: [number, number, number, number];
  /** The same, divided by the picture's width and height. */
  normalizedBox?: [number, number, number, number];
  corners?: Place[];
  keypoints?: Keypoint[];
  polygons?: Place[][];
}

/** A detection and its place in the whole answer. */
interface Found extends Detection {
  index: number;
}

/** Of one label. */
interface Total {
  objects: number;
  pictures: Set<Item>;
}

interface Result {
  model: string;
  image: Size;
  /** The most probable first. */
  detections: Detection[];
  /** Of the whole picture. */
  classifications?: Detection[];
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
  task: string;
  labels: string[];
  thresholds: { confidence: number };
  /** Whether /search answers. */
  search: boolean;
}

/** A photo of the bucket that shows a label. */
interface Hit {
  bucket: string;
  key: string;
  version?: string;
  probability: number;
  altText: string;
}

interface Hits {
  hits: Hit[];
  cursor: string | null;
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

/** A file made ready to be sent. */
interface Prepared {
  upload: Blob;
  /** Pixels of the file, upright; null if the browser cannot show it. */
  size: Size | null;
  /** Address of a small copy, "" if there is none. */
  thumb: string;
}

/** One picture of the visit. */
interface Item {
  name: string;
  /** Address of a sample photo, "" for the visitor's own. */
  sample: string;
  file: Blob;
  size: Size | null;
  thumb: string;
  /** What the browser shows: the file, or the server's drawing of it. */
  shown: Blob | null;
  answer: Answer | null;
  problem: Problem | null;
  /** Whether it is being sent now. */
  busy: boolean;
  /** Ends its request when it is removed. */
  stopper: AbortController;
}

/** A picture of the live camera and what is in it. */
interface Frame extends Size {
  file: Blob;
  answer: Answer;
  /** Answered frames a second, over the last two seconds or two frames. NaN for the first one. */
  rate: number;
}

/** Which objects are shown. */
interface Choice {
  /** Objects must be more probable than this. */
  confidence: number;
  /** "" for all labels. */
  label: string;
}

/** A request, to be written as code. */
interface Asked {
  /** Address of /detect with its query. */
  url: string;
  name: string;
  sample: string;
  /** Whether a key is needed. */
  locked: boolean;
}

type Take = (files: File[]) => void;

/** Elements of the page by their ids. */
interface Parts {
  [id: string]: HTMLElement;
  access: HTMLFormElement;
  boxes: HTMLElement & SVGSVGElement;
  tiles: HTMLInputElement;
  confidence: HTMLInputElement;
  docs: HTMLAnchorElement;
  export: HTMLDetailsElement;
  files: HTMLInputElement;
  key: HTMLInputElement;
  label: HTMLSelectElement;
  next: HTMLButtonElement;
  photo: HTMLInputElement;
  picture: HTMLImageElement;
  previous: HTMLButtonElement;
  query: HTMLInputElement;
  video: HTMLVideoElement;
}
