import { by } from "../dom.js";
import { say } from "../notice.js";

/** The answer as JSON and the request as code, under tabs, ready to copy. */
export class Panel {
  /** @type {Record<string, string>} */
  #texts = {};
  #selected = "";

  /** @param {() => void} refresh shows what is current, since the texts follow the slider with a delay */
  constructor(refresh) {
    const tabs = [by.tabJson, by.tabCurl, by.tabFetch, by.tabPython];
    tabs.forEach((tab, index) => {
      tab.addEventListener("click", () => {
        this.#selected = tab.id;
        for (const one of tabs) {
          one.setAttribute("aria-selected", `${one === tab}`);
          one.tabIndex = one === tab ? 0 : -1;
        }
        by.panel.setAttribute("aria-labelledby", tab.id);
        this.#render();
      });
      tab.addEventListener("keydown", (event) => {
        const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -index, End: -1 - index };
        const step = steps[/** @type {keyof typeof steps} */ (event.key)];
        if (step === undefined) return;
        event.preventDefault();
        const next = tabs[(index + step + tabs.length) % tabs.length];
        next.focus();
        next.click();
      });
    });
    by.tabJson.click();
    by.copy.addEventListener("click", async () => {
      refresh();
      by.copy.textContent = (await copy(by.code.textContent ?? "")) ? "Copied" : "Not copied";
      say(by.copy.textContent);
      setTimeout(() => (by.copy.textContent = "Copy"), 1500);
    });
  }

  /**
   * @param {Asked} asked
   * @param {Result} result
   */
  show(asked, result) {
    this.#texts = {
      tabJson: json(result),
      tabCurl: curl(asked),
      tabFetch: fetchCode(asked),
      tabPython: python(asked),
    };
    this.#render();
  }

  #render() {
    by.code.textContent = this.#texts[this.#selected] ?? "";
  }
}

/** @param {Asked} asked */
function curl({ url, name, sample, locked }) {
  const key = locked ? ' -H "X-API-Key: $SPOTTER_API_KEY"' : "";
  if (sample) return `curl -s ${quote(sample)} | curl${key} -F file=@- ${quote(url)}`;
  return `curl${key} -F ${quote(`file=@${formName(name)}`)} ${quote(url)}`;
}

/** @param {Asked} asked */
function fetchCode({ url, sample, locked }) {
  const file = sample
    ? `const file = await (await fetch(${JSON.stringify(sample)})).blob();`
    : 'const [file] = document.querySelector("input[type=file]").files;';
  const headers = locked ? '\n  headers: { "X-API-Key": key },' : "";
  return `${file}
const body = new FormData();
body.append("file", file);
const answer = await fetch(${JSON.stringify(url)}, {
  method: "POST",
  body,${headers}
});
const result = await answer.json();
if (!answer.ok) throw new Error(result.detail);
console.table(result.detections);`;
}

/** @param {Asked} asked */
function python({ url, name, sample, locked }) {
  const photo = sample
    ? `photo = urllib.request.urlopen(${JSON.stringify(sample)}).read()`
    : `photo = open(${JSON.stringify(name)}, "rb").read()`;
  const key = locked ? ',\n    headers={"X-API-Key": os.environ["SPOTTER_API_KEY"]}' : "";
  return `import json${locked ? "\nimport os" : ""}
import urllib.request

${photo}
request = urllib.request.Request(
    ${JSON.stringify(url)},
    data=photo${key},
)
with urllib.request.urlopen(request) as answer:
    for found in json.load(answer)["detections"]:
        print(found["label"], found["probability"], found["boundingBox"])`;
}

/**
 * Indented, but lists of numbers on one line.
 * @param {unknown} value
 */
function json(value) {
  return JSON.stringify(value, null, 2).replace(/\[[\s\d.,e-]+\]/g, (list) =>
    list.replace(/\s+/g, " ").replace("[ ", "[").replace(" ]", "]"),
  );
}

/**
 * Quoted for a shell.
 * @param {string} text
 */
function quote(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Quoted for curl's -F, if it has curl's own signs in it.
 * @param {string} name
 */
function formName(name) {
  return /[;,"\\]/.test(name) ? `"${name.replace(/["\\]/g, "\\$&")}"` : name;
}

/**
 * Also works on plain http from another machine, where browsers hide the clipboard.
 * @param {string} text
 * @returns {Promise<boolean>} whether it was copied
 */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}
