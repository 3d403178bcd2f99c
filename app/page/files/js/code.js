/** @param {Asked} asked */
export function curl({ url, name, sample, locked }) {
  const key = locked ? ' -H "X-API-Key: $SPOTTER_API_KEY"' : "";
  if (sample) return `curl -s ${quote(sample)} | curl${key} -F file=@- ${quote(url)}`;
  return `curl${key} -F ${quote(`file=@${formName(name)}`)} ${quote(url)}`;
}

/** @param {Asked} asked */
export function fetchCode({ url, sample, locked }) {
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
export function python({ url, name, sample, locked }) {
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
export function json(value) {
  return JSON.stringify(value, null, 2).replace(/\[[\s\d.,e-]+\]/g, (list) =>
    list.replace(/\s+/g, " ").replace("[ ", "[").replace(" ]", "]"),
  );
}

/**
 * For a shell.
 * @param {string} text
 */
function quote(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * As curl's -F wants it: quoted where it has curl's own signs in it.
 * @param {string} name
 */
function formName(name) {
  return /[;,"\\]/.test(name) ? `"${name.replace(/["\\]/g, "\\$&")}"` : name;
}
