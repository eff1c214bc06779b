// Charts of figures. Each is drawn from the table beside it, so both always say the same; without this file the table stands open.
const SERIES = ["--lake-f", "--ember-f", "--plum-x", "--ctl", "--ink"];
const DASHES = ["solid", "solid", "dash", "dot", "dashdot"];
const SYMBOLS = ["circle", "square", "diamond", "x", "cross"];
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const dark = matchMedia("(prefers-color-scheme: dark)");

function colour(name) {
  const probe = document.createElement("i");
  probe.className = "chart-colour";
  document.body.append(probe);
  probe.style.setProperty("color", `var(${name})`);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function read(frame) {
  const table = frame.querySelector("table");
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells]);
  const wanted = (frame.dataset.columns || "").split(" ").filter(Boolean).map(Number);
  const columns = wanted.length ? wanted : names.map((_, place) => place).slice(1);
  return columns.map((place) => ({
    name: names[place],
    x: rows.map((cells) => cells[0].dataset.short || cells[0].textContent.trim()),
    y: rows.map((cells) => (cells[place].dataset.value === "" ? null : Number(cells[place].dataset.value))),
    text: rows.map((cells) => cells[place].dataset.text || cells[place].textContent.trim()),
    links: rows.map((cells) => cells[place].querySelector("a")?.href),
  }));
}

function traces(frame, series) {
  return series.map((one, place) => {
    const shared = {
      name: one.name, x: one.x, y: one.y, customdata: one.links, text: one.text, textposition: "none",
      hovertemplate: `%{x}<br>${one.name}: %{text}<extra></extra>`,
    };
    if (frame.dataset.chart === "bars") {
      return { ...shared, type: "bar", marker: { color: colour(SERIES[place]), line: { width: 0 } } };
    }
    const shade = colour(SERIES[place]);
    return {
      ...shared, type: "scatter", mode: "lines+markers", line: { color: shade, width: 2.25, dash: DASHES[place] },
      marker: { color: shade, size: 6, symbol: SYMBOLS[place] }, connectgaps: false,
    };
  });
}

function minutes(most) {
  const step = [5, 15, 30, 60, 120, 240, 480, 960, 1440, 2400, 4800, 9600].find((one) => most / one <= 5) || Math.ceil(most / 5 / 480) * 480;
  const values = Array.from({ length: Math.floor(most / step) + 1 }, (_, place) => place * step);
  return { tickvals: values, ticktext: values.map((value) => (value < 60 ? `${value} min` : `${Math.round(value / 6) / 10} h`)) };
}

function layout(frame, series) {
  const ink = colour("--ink2");
  const grid = colour("--line");
  const axis = { color: ink, gridcolor: grid, zeroline: false, fixedrange: true, automargin: true, tickfont: { size: 12 } };
  const every = Math.max(1, Math.ceil(series[0].x.length / (frame.clientWidth < 480 ? 5 : 9)));
  const shown = series[0].x.filter((_, place) => (series[0].x.length - 1 - place) % every === 0);
  const y = { ...axis, rangemode: "tozero", tickformat: ",d" };
  if (frame.dataset.unit === "%") Object.assign(y, { range: [0, 104], tickvals: [0, 25, 50, 75, 100], ticktext: [0, 25, 50, 75, 100].map((value) => `${value}%`) });
  if (frame.dataset.unit === "min") Object.assign(y, minutes(Math.max(1, ...series.flatMap((one) => one.y.filter((value) => value !== null)))));
  return {
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: ink },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { t: 8, r: 8, b: 28, l: 36 },
    xaxis: { ...axis, type: "category", showgrid: false, tickvals: series.length && frame.dataset.chart === "lines" || series[0].x.length > 9 ? shown : undefined, tickangle: 0 },
    yaxis: y, bargap: 0.28, bargroupgap: 0.06, barmode: "group", dragmode: false, hovermode: "closest",
    hoverlabel: { bgcolor: colour("--surface"), bordercolor: colour("--line2"), font: { color: colour("--ink"), size: 12 } },
    showlegend: series.length > 1, legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", itemclick: false, itemdoubleclick: false, font: { size: 12 } },
  };
}

async function draw(frame) {
  const series = read(frame);
  const place = frame.querySelector(".chart-drawing");
  if (!series.length || series.every((one) => one.y.every((value) => !value))) return;
  place.hidden = false;
  const options = { displayModeBar: false, responsive: true, displaylogo: false, doubleClick: false, scrollZoom: false };
  await window.Plotly.react(place, traces(frame, series), { ...layout(frame, series), transition: { duration: calm.matches ? 0 : 120 } }, options);
  if (frame.dataset.drawn) return;
  frame.dataset.drawn = "yes";
  frame.querySelector("details.chart-table").open = false;
  place.classList.toggle("chart-links", series.some((one) => one.links.some(Boolean)));
  place.on("plotly_click", (event) => {
    const link = event.points[0]?.customdata;
    if (link) location.assign(link);
  });
}

function all() {
  for (const frame of document.querySelectorAll("[data-chart]")) draw(frame);
}

if (matchMedia("(max-width: 719.98px)").matches) {
  for (const part of document.querySelectorAll("details[data-folds]")) part.open = part.contains(document.querySelector(":target"));
}
if (window.Plotly) {
  all();
  dark.addEventListener("change", all);
}
