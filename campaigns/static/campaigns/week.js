// The week's hours, drawn with mouse or keyboard. What is drawn goes into the rows of windows below the grid, which
// are what is saved: without this script they are filled in by hand.
(() => {
  const box = document.querySelector("[data-week]");
  const rows = document.getElementById("schedules-group");
  const add = rows?.querySelector(".add-row");
  if (!box || !add) return;

  const DAY = 1440;
  const NAMES = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
  const table = box.querySelector("table");
  const said = box.querySelector("[data-week-said]");
  const cells = [...table.querySelectorAll("[data-hour]")];
  const cellAt = (day, hour) => cells[(day - 1) * 24 + hour];
  const placeOf = (cell) => ({ day: Number(cell.dataset.day), hour: Number(cell.dataset.hour) });

  // Windows: a day, 1 Monday to 7 Sunday, and minutes of it; an end beyond 1440 is on the next day.
  const minutes = (text) => {
    const [, hour, minute] = /^(\d{1,2}):(\d{2})(?::\d{2})?$/.exec(text.trim()) ?? [];
    return hour === undefined ? null : Number(hour) * 60 + Number(minute);
  };
  const clock = (minute) => `${String(Math.floor(minute / 60) % 24).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
  const keyOf = ({ day, start, end }) => `${day} ${start} ${end % DAY}`;
  const partsOf = ({ day, start, end }) =>
    end <= DAY ? [{ day, from: start, to: end }] : [{ day, from: start, to: DAY }, { day: (day % 7) + 1, from: 0, to: end - DAY }];

  function readRows() {
    return [...rows.querySelectorAll(".form-group:not(.empty-form)")].map((group) => {
      const field = (name) => group.querySelector(`[name$="-${name}"]`);
      const row = { group, day: field("day_of_week"), start: field("start_time"), end: field("end_time"), on: field("is_active") };
      row.gone = field("DELETE");
      row.isKept = Boolean(field("id")?.value);
      const day = Number(row.day.value);
      const start = minutes(row.start.value);
      const end = minutes(row.end.value);
      if (day && start !== null && end !== null && start !== end) {
        row.window = { day, start, end: end > start ? end : end + DAY };
      }
      return row;
    });
  }

  const counts = (row) => row.window && row.on.checked && !(row.isKept && row.gone?.checked);
  const readWindows = () => readRows().filter(counts).map((row) => row.window);

  // Opens or closes a stretch of a day. Only windows that it changes are changed: they are cut at midnight, and what
  // touches the stretch on its day becomes one with it.
  function draw(windows, day, from, to, opens) {
    const left = [];
    const here = [];
    for (const window of windows) {
      const part = partsOf(window).find(
        (each) => each.day === day && (opens ? each.from <= to && each.to >= from : each.from < to && each.to > from),
      );
      if (!part) left.push(window);
      else if (opens && part.from <= from && part.to >= to) return windows;
      else {
        here.push(part);
        for (const other of partsOf(window)) {
          if (other.day !== day) left.push({ day: other.day, start: other.from, end: other.to });
        }
      }
    }
    if (opens) {
      const start = Math.min(from, ...here.map((part) => part.from));
      return [...left, ...wholeOrHalves(day, start, Math.max(to, ...here.map((part) => part.to)))];
    }
    const rest = here.flatMap((part) => [
      { day, start: part.from, end: Math.min(part.to, from) },
      { day, start: Math.max(part.from, to), end: part.to },
    ]);
    return rest.filter((window) => window.start < window.end).reduce(joinedTo, left);
  }

  // A window from midnight to midnight would be empty: a day is two.
  const wholeOrHalves = (day, start, end) =>
    start === 0 && end === DAY ? [{ day, start, end: DAY / 2 }, { day, start: DAY / 2, end }] : [{ day, start, end }];

  function joinedTo(windows, window) {
    const touches = (other) =>
      other.day === window.day && other.end <= DAY && other.start <= window.end && other.end >= window.start;
    const touching = windows.filter(touches);
    const start = Math.min(window.start, ...touching.map((each) => each.start));
    const end = Math.max(window.end, ...touching.map((each) => each.end));
    return [...windows.filter((other) => !touches(other)), ...wholeOrHalves(window.day, start, end)];
  }

  function writeRows(windows) {
    const wanted = new Map(windows.map((window) => [keyOf(window), window]));
    const all = readRows();
    for (const row of all) if (counts(row) && wanted.delete(keyOf(row.window))) row.stays = true;
    for (const row of all) {
      if (!row.isKept || row.stays || !row.window) continue;
      if (wanted.delete(keyOf(row.window))) {
        row.on.checked = true;
        if (row.gone) row.gone.checked = false;
      } else if (row.on.checked && row.gone) row.gone.checked = true;
    }
    const free = all.filter((row) => !row.isKept && row.window && !row.stays && row.on.checked);
    for (const window of wanted.values()) fill(free.shift() ?? newRow(), window);
    // What a row is typed into moves when one before it is taken away: as attributes it moves along.
    for (const row of readRows()) if (!row.isKept) settle(row);
    for (const row of free.reverse()) row.group.querySelector(".delete-template")?.click();
    rows.querySelector("select, input:not([type=hidden])")?.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function newRow() {
    add.click();
    return readRows().at(-1);
  }

  function fill(row, { day, start, end }) {
    row.day.value = String(day);
    row.start.value = clock(start);
    row.end.value = clock(end);
    row.on.checked = true;
  }

  function settle(row) {
    for (const option of row.day.options) option.toggleAttribute("selected", option.selected);
    for (const field of [row.start, row.end]) field.setAttribute("value", field.value);
    row.on.toggleAttribute("checked", row.on.checked);
  }

  function show() {
    const windows = readWindows();
    const parts = windows.flatMap(partsOf);
    for (const each of box.querySelectorAll("[data-week-always]")) each.hidden = windows.length > 0;
    for (const cell of cells) {
      const { day, hour } = placeOf(cell);
      const start = hour * 60;
      const open = joined(
        parts
          .filter((part) => part.day === day && part.from < start + 60 && part.to > start)
          .map((part) => [Math.max(part.from, start), Math.min(part.to, start + 60)]),
      );
      const whole = open.length === 1 && open[0][1] - open[0][0] === 60;
      const state = !windows.length ? "always" : !open.length ? "closed" : whole ? "open" : "part";
      for (const each of ["always", "closed", "open", "part"]) cell.classList.toggle(`week__hour--${each}`, each === state);
      cell.dataset.state = state;
      cell.querySelector("svg")?.remove();
      if (state === "part") cell.prepend(drawing(open, start));
      const word = state === "part" ? `open ${open.map(([from, to]) => `${clock(from)} to ${clock(to)}`).join(", ")}` : state === "closed" ? "closed" : "open";
      const now = cell.classList.contains("week__hour--now") ? ", now" : "";
      cell.title = `${NAMES[day - 1]} ${clock(start)} to ${clock(start + 60)}: ${word}${now}`;
      cell.querySelector(".week__words").textContent = cell.title;
    }
  }

  function joined(stretches) {
    const result = [];
    for (const [from, to] of stretches.sort((a, b) => a[0] - b[0])) {
      const last = result.at(-1);
      if (last && from <= last[1]) last[1] = Math.max(last[1], to);
      else result.push([from, to]);
    }
    return result;
  }

  function drawing(open, start) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [name, value] of Object.entries({ viewBox: "0 0 60 10", preserveAspectRatio: "none", "aria-hidden": "true" })) svg.setAttribute(name, value);
    for (const [from, to] of open) {
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      for (const [name, value] of Object.entries({ x: from - start, width: to - from, height: 10 })) rect.setAttribute(name, value);
      svg.append(rect);
    }
    return svg;
  }

  // A stretch: from the cell where it began to the one where it is now, on each day between them.
  let began = null;
  let here = cells.find((cell) => cell.classList.contains("week__hour--now")) ?? cells[0];
  let opens = true;
  let drags = false;

  const span = (a, b) => ({ first: Math.min(a, b), last: Math.max(a, b) });
  const stretch = () => {
    const [a, b] = [placeOf(began ?? here), placeOf(here)];
    return { days: span(a.day, b.day), hours: span(a.hour, b.hour) };
  };

  function mark() {
    const { days, hours } = stretch();
    for (const cell of cells) {
      const { day, hour } = placeOf(cell);
      const inside = began !== null && day >= days.first && day <= days.last && hour >= hours.first && hour <= hours.last;
      cell.classList.toggle("week__hour--chosen", inside);
      cell.setAttribute("aria-selected", String(inside));
    }
  }

  function inWords({ days, hours }) {
    const day = days.first === days.last ? NAMES[days.first - 1] : `${NAMES[days.first - 1]} to ${NAMES[days.last - 1]}`;
    return `${day}, ${clock(hours.first * 60)} to ${clock((hours.last + 1) * 60)}`;
  }

  function finish(isOpened) {
    const chosen = stretch();
    let windows = readWindows();
    for (let day = chosen.days.first; day <= chosen.days.last; day += 1) {
      windows = draw(windows, day, chosen.hours.first * 60, (chosen.hours.last + 1) * 60, isOpened);
    }
    writeRows(windows);
    began = null;
    mark();
    show();
    const rest = windows.length ? "" : " No window is left: it would run around the clock.";
    said.textContent = `${inWords(chosen)}: ${isOpened ? "open" : "closed"}.${rest} Save to apply.`;
  }

  function giveUp() {
    began = null;
    drags = false;
    mark();
    said.textContent = "Given up. Nothing is changed.";
  }

  function goTo(cell, focus = true) {
    here.tabIndex = -1;
    here = cell;
    here.tabIndex = 0;
    if (focus) here.focus();
    mark();
    if (began) said.textContent = `${inWords(stretch())}: Space opens it, Delete closes it.`;
  }

  function onKey(event) {
    const { day, hour } = placeOf(here);
    const moves = {
      ArrowLeft: [day, Math.max(hour - 1, 0)],
      ArrowRight: [day, Math.min(hour + 1, 23)],
      ArrowUp: [Math.max(day - 1, 1), hour],
      ArrowDown: [Math.min(day + 1, 7), hour],
      Home: [day, 0],
      End: [day, 23],
    };
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (moves[event.key]) goTo(cellAt(...moves[event.key]));
    else if (event.key === " " || event.key === "Enter") {
      if (began) finish(true);
      else {
        began = here;
        goTo(here);
      }
    } else if (event.key === "Delete" || event.key === "Backspace") finish(false);
    else if (event.key === "Escape" && began) giveUp();
    else return;
    event.preventDefault();
  }

  function onPress(event) {
    const cell = event.target.closest("[data-hour]");
    if (!cell || event.button !== 0) return;
    opens = cell.dataset.state !== "open";
    drags = true;
    began = cell;
    goTo(cell);
    event.preventDefault();
  }

  function onDrag(event) {
    if (!drags) return;
    const cell = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-hour]");
    if (cell && cell !== here && table.contains(cell)) goTo(cell);
  }

  function onRelease() {
    if (!drags) return;
    drags = false;
    finish(opens);
  }

  table.setAttribute("role", "grid");
  table.setAttribute("aria-multiselectable", "true");
  for (const cell of cells) {
    cell.setAttribute("role", "gridcell");
    cell.tabIndex = -1;
  }
  here.tabIndex = 0;
  box.dataset.weekReady = "";
  box.querySelector("[data-week-help]").hidden = false;
  table.addEventListener("focusin", (event) => {
    const cell = event.target.closest("[data-hour]");
    if (cell && cell !== here) goTo(cell, false);
  });
  table.addEventListener("keydown", onKey);
  table.addEventListener("pointerdown", onPress);
  document.addEventListener("pointermove", onDrag);
  document.addEventListener("pointerup", onRelease);
  document.addEventListener("pointercancel", () => drags && giveUp());
  rows.addEventListener("input", show);
  rows.addEventListener("change", show);
  document.addEventListener("formset:removed", show);
  show();
})();
