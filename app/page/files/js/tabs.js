/** Tabs over one panel, moved through with the arrow keys. */
export class Tabs {
  /**
   * @param {HTMLElement[]} tabs
   * @param {HTMLElement} panel
   * @param {(id: string) => void} onChange
   */
  constructor(tabs, panel, onChange) {
    this.tabs = tabs;
    this.panel = panel;
    this.onChange = onChange;
    tabs.forEach((tab, index) => {
      tab.addEventListener("click", () => this.select(tab));
      tab.addEventListener("keydown", (event) => {
        const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -index, End: -1 - index };
        const step = steps[/** @type {keyof typeof steps} */ (event.key)];
        if (step === undefined) return;
        event.preventDefault();
        const next = tabs[(index + step + tabs.length) % tabs.length];
        next.focus();
        this.select(next);
      });
    });
    this.selected = tabs[0];
    this.select(tabs[0]);
  }

  /** @param {HTMLElement} chosen */
  select(chosen) {
    this.selected = chosen;
    for (const tab of this.tabs) {
      tab.setAttribute("aria-selected", `${tab === chosen}`);
      tab.tabIndex = tab === chosen ? 0 : -1;
    }
    this.panel.setAttribute("aria-labelledby", chosen.id);
    this.onChange(chosen.id);
  }
}
