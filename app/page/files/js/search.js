import { asProblem } from "./api.js";
import { by, make } from "./dom.js";
import { percent, plural } from "./words.js";

/**
 * Shows which photos of the bucket show a label, once the box is used.
 * @param {Api} api
 */
export function openSearch(api) {
  let query = new URLSearchParams();
  by.search.addEventListener("submit", (event) => {
    event.preventDefault();
    by.hits.replaceChildren();
    query = asked(by.query.value);
    load();
  });
  by.more.addEventListener("click", load);
  by.search.hidden = false;

  /** The next page of hits. */
  async function load() {
    const current = query;
    by.more.hidden = true;
    by.searched.textContent = "Searching …";
    try {
      const { hits, cursor } = await api.search(current);
      if (current !== query) return; // another search has begun
      by.hits.append(...hits.map(row));
      by.searched.textContent = plural(by.hits.children.length, "photo");
      by.more.hidden = !cursor;
      query.set("cursor", cursor ?? "");
    } catch (error) {
      const { title, detail } = asProblem(error);
      if (current === query) by.searched.textContent = `${title}. ${detail}`;
    }
  }
}

/**
 * The query of /search for "dog, bicycle, -person".
 * @param {string} text
 */
function asked(text) {
  const query = new URLSearchParams();
  for (const part of text.split(",").map((part) => part.trim())) {
    if (part.startsWith("-")) query.append("not", part.slice(1).trim());
    else if (part) query.append(query.has("label") ? "and" : "label", part);
  }
  return query;
}

/** @param {Hit} hit */
function row({ bucket, key, probability, altText }) {
  return make("li", "", make("b", "", `${bucket}/${key}`), " ", percent(probability), make("p", "quiet", altText));
}
