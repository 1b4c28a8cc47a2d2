/* Makes a slider of each still (docs/sliders.py): its controls appear, and of the sheet one cell is
   seen at a time. Lengths are shares of the sheet, so that the cell can be shown in any size. */
for (const still of document.querySelectorAll(".still")) {
  const { size, first, step, columns, shown, sheet } = JSON.parse(still.dataset.cells);
  const inputs = [...still.querySelectorAll("input")];
  const picture = still.querySelector("img");
  const frame = picture.parentElement;

  function show() {
    let cell = 0; /* the last control moves through the cells fastest */
    for (const input of inputs) {
      const values = JSON.parse(input.dataset.values);
      cell = cell * values.length + Number(input.value);
      input.setAttribute("aria-valuetext", values[input.value]);
      input.nextElementSibling.textContent = values[input.value];
    }
    const x = first[0] + step[0] * (cell % columns);
    const y = first[1] + step[1] * Math.floor(cell / columns);
    picture.style.transform = `translate(${(-100 * x) / sheet[0]}%, ${(-100 * y) / sheet[1]}%)`;
  }

  frame.style.aspectRatio = `${size[0]} / ${size[1]}`;
  frame.style.width = `${shown}px`;
  picture.style.width = `${(100 * sheet[0]) / size[0]}%`;
  still.classList.add("moves");
  still.querySelector(".controls").hidden = false;
  for (const input of inputs) {
    const longest = Math.max(...JSON.parse(input.dataset.values).map(value => value.length));
    input.nextElementSibling.style.minWidth = `${longest}ch`; /* a slider keeps its width */
    input.addEventListener("input", show);
  }
  show();
}
