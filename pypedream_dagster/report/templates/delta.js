// What the report can do beyond reading; without it, everything is still there.
"use strict";
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const reveal = () => {
  const target = document.getElementById(location.hash.slice(1));
  if (!target) return;
  const around = target.closest("details");
  if (around) around.open = true;
  target.scrollIntoView();
};

addEventListener("hashchange", reveal);
addEventListener("click", (event) => {
  if (event.target.closest?.("a[href^='#']")?.hash === location.hash) reveal(); // the same link once more
});
reveal();

let opened = [];
addEventListener("beforeprint", () => {
  opened = all("details:not([open])");
  for (const one of opened) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of opened) one.open = false;
});

const tools = document.querySelector(".tools");
if (tools) {
  const body = document.querySelector(".overview tbody");
  const rows = all("tr", body);
  const find = document.getElementById("find");
  const found = document.getElementById("found");
  let shown = "all";
  // A dataset is found by all its columns, of which its row names but a few.
  const texts = new Map();
  const textOf = (row) => {
    if (!texts.has(row)) {
      const names = all("tbody th", document.getElementById(row.dataset.target));
      texts.set(row, [row, ...names].map((one) => one.textContent).join(" ").toLowerCase());
    }
    return texts.get(row);
  };

  const filter = () => {
    const words = find.value.toLowerCase().split(/\s+/);
    let count = 0;
    for (const row of rows) {
      const isChosen = shown === "all" || row.dataset.verdict.split(" ").includes(shown);
      const hidden = !isChosen || !words.every((word) => textOf(row).includes(word));
      row.hidden = hidden;
      document.getElementById(row.dataset.target).hidden = hidden;
      count += !hidden;
    }
    found.textContent = count === rows.length ? "" : `${count} of ${rows.length}`;
  };
  find.addEventListener("input", filter);
  for (const button of all("[data-show]", tools)) {
    button.addEventListener("click", () => {
      shown = button.dataset.show;
      for (const other of all("[data-show]", tools)) other.ariaPressed = String(other === button);
      filter();
    });
  }
  for (const button of all("[data-open]", tools)) {
    button.addEventListener("click", () => {
      for (const one of all("details.dataset:not([hidden])")) one.open = Boolean(button.dataset.open);
    });
  }

  const value = (row, name) => row.dataset[name] ?? row.querySelector(`[data-name="${name}"]`)?.textContent ?? "";
  const amount = (text) => (/\d/.test(text) ? parseFloat(text.replaceAll(",", "")) : -1);
  for (const header of all(".overview th[data-by]")) {
    const name = header.dataset.by;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const isText = name === "dataset";
      // Numbers of rows are asked for from the largest down.
      const first = isText || name === "weight" || name === "place" ? "ascending" : "descending";
      const other = first === "ascending" ? "descending" : "ascending";
      const order = header.ariaSort === first ? other : first;
      for (const one of all(".overview th[data-by]")) one.ariaSort = null;
      header.ariaSort = order;
      const sign = order === "ascending" ? 1 : -1;
      const key = (row) => (isText ? value(row, name) : amount(value(row, name)));
      const compare = (a, b) => (isText ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
      rows.sort((a, b) => sign * compare(key(a), key(b)) || amount(value(a, "place")) - amount(value(b, "place")));
      body.append(...rows);
    });
  }
  tools.hidden = rows.length < 2;
}
