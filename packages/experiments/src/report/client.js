/* Draws the timeline of a run. Plain and without modules: it stands inside the page, after uPlot. */
(() => {
  // What PageData of data.ts says.
  const data = JSON.parse(document.querySelector("#data").textContent);
  const { uPlot } = globalThis;
  const host = document.querySelector("#plots");
  const readout = document.querySelector("#readout");
  const reset = document.querySelector("#reset");
  const whole = { min: 0, max: Math.max(1, data.seconds) };
  const good = new Set(["answered", "degraded"]);
  const narrow = () => host.clientWidth < 640;
  const gutter = () => (narrow() ? 58 : 150);
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const px = () => globalThis.devicePixelRatio || 1;

  /** Something drawn in canvas pixels, cut off at the plot's frame. */
  function inFrame(u, draw) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    draw(ctx, bbox);
    ctx.restore();
  }
  const xOf = (u, seconds) => u.valToPos(seconds, "x", true);

  function shadeFault(u) {
    inFrame(u, (ctx, bbox) => {
      ctx.fillStyle = color("shade");
      for (const { from, to } of data.faulty) {
        const left = xOf(u, from);
        ctx.fillRect(left, bbox.top, Math.max(px(), xOf(u, to) - left), bbox.height);
      }
    });
  }

  /** A thin line at each edge of what was done, so that the eye can go down from its name. */
  function drawEdges(u) {
    inFrame(u, (ctx, bbox) => {
      ctx.strokeStyle = color("line");
      ctx.lineWidth = px();
      ctx.setLineDash([3 * px(), 3 * px()]);
      for (const span of data.spans) {
        for (const edge of [span.from, span.to]) {
          const x = Math.round(xOf(u, edge)) + 0.5;
          ctx.beginPath();
          ctx.moveTo(x, bbox.top);
          ctx.lineTo(x, bbox.top + bbox.height);
          ctx.stroke();
        }
      }
    });
  }

  function text(ctx, words, opts) {
    ctx.font = `${opts.weight ?? 400} ${(opts.size ?? 11) * px()}px system-ui, "DejaVu Sans", sans-serif`;
    ctx.fillStyle = opts.color ?? color("ink");
    ctx.textAlign = opts.align ?? "left";
    ctx.textBaseline = "middle";
    if (opts.within !== undefined && ctx.measureText(words).width > opts.within) {
      if (!opts.shorten) return;
      while (words.length > 1 && ctx.measureText(`${words}…`).width > opts.within) words = words.slice(0, -1);
      words = `${words}…`;
    }
    ctx.fillText(words, opts.x, opts.y);
  }

  function box(ctx, { x, y, width, height, fill }) {
    ctx.fillStyle = fill;
    ctx.beginPath();
    ctx.roundRect(x, y, Math.max(width, px()), height, 3 * px());
    ctx.fill();
  }

  function dot(ctx, { x, y, radius }) {
    ctx.beginPath();
    ctx.arc(x, y, radius * px(), 0, Math.PI * 2);
    ctx.fill();
  }

  /** Visits requests that are in view, successes first, so that no failure is covered. */
  function eachRequest(u, visit) {
    const { due, fate } = data.requests;
    const { min, max } = u.scales.x;
    for (const failures of [false, true]) {
      for (let i = 0; i < due.length; i++) {
        const name = data.fates[fate[i]];
        if (good.has(name) === failures || due[i] < min || due[i] > max) continue;
        visit(i, name);
      }
    }
  }

  /** The moments' names, one bar each. */
  const rows = Math.max(1, ...data.spans.map(({ row }) => row + 1));
  function drawSpans(u) {
    inFrame(u, (ctx, bbox) => {
      const height = bbox.height / rows;
      for (const span of data.spans) {
        const left = Math.max(bbox.left, xOf(u, span.from));
        const right = Math.min(bbox.left + bbox.width, xOf(u, span.to));
        const y = bbox.top + span.row * height;
        box(ctx, { x: left, y: y + px(), width: right - left - px(), height: height - 3 * px(), fill: color("span") });
        // A name may run into the empty space behind its bar.
        const next = data.spans
          .filter(({ row, from }) => row === span.row && from > span.from)
          .map(({ from }) => xOf(u, from));
        const room = Math.min(bbox.left + bbox.width, ...next) - left - 10 * px();
        text(ctx, span.name, {
          x: left + 6 * px(),
          y: y + height / 2,
          size: 11.5,
          weight: 600,
          within: room,
          shorten: true,
        });
      }
    });
  }

  function drawRates(u) {
    inFrame(u, (ctx, bbox) => {
      const { seconds, perSecond } = data.bins;
      const count = perSecond[0]?.values.length ?? 0;
      const bottom = bbox.top + bbox.height;
      for (let bin = 0; bin < count; bin++) {
        const left = xOf(u, bin * seconds);
        const width = Math.max(px(), xOf(u, (bin + 1) * seconds) - left - px());
        let below = 0;
        for (const { fate, values } of perSecond) {
          if (values[bin] === 0) continue;
          const y0 = u.valToPos(below, "y", true);
          below += values[bin];
          const y1 = u.valToPos(below, "y", true);
          ctx.fillStyle = color(fate);
          // What failed is seen even where it is one of hundreds.
          const height = good.has(fate) ? y0 - y1 : Math.max(y0 - y1, 2 * px());
          ctx.fillRect(left, Math.min(y1, bottom - height), width, height);
        }
      }
    });
  }

  const KINDS = ["new", "persistent"];
  function drawFailures(u) {
    inFrame(u, (ctx, bbox) => {
      const height = bbox.height / KINDS.length;
      ctx.strokeStyle = color("line");
      ctx.lineWidth = px();
      ctx.strokeRect(bbox.left, bbox.top + height, bbox.width, 0);
      let failures = 0;
      eachRequest(u, (i, fate) => {
        if (good.has(fate)) return;
        failures++;
        ctx.fillStyle = color(fate);
        ctx.globalAlpha = 0.75;
        // Spread over the row by a fixed rule, so that a crowd is seen as one.
        const spread = ((i * 0.618_034) % 1) * 0.7 + 0.15;
        dot(ctx, {
          x: xOf(u, data.requests.due[i]),
          y: bbox.top + (data.requests.persistent[i] + spread) * height,
          radius: 2.6,
        });
      });
      ctx.globalAlpha = 1;
      if (failures === 0) {
        text(ctx, "none", {
          x: bbox.left + bbox.width / 2,
          y: bbox.top + bbox.height / 2,
          align: "center",
          color: color("soft"),
          size: 12,
        });
      }
    });
    gutterLabels(
      u,
      KINDS.map((kind) => ({ words: kind })),
    );
  }

  function drawLatencies(u) {
    inFrame(u, (ctx) => {
      eachRequest(u, (i, fate) => {
        const failed = !good.has(fate);
        ctx.globalAlpha = failed ? 0.85 : 0.4;
        ctx.fillStyle = color(fate);
        const y = u.valToPos(Math.max(1, data.requests.tookMs[i]), "y", true);
        dot(ctx, { x: xOf(u, data.requests.due[i]), y, radius: failed ? 2.6 : fate === "degraded" ? 1.5 : 1.1 });
      });
      ctx.globalAlpha = 1;
    });
  }

  function drawLanes(u) {
    inFrame(u, (ctx, bbox) => {
      const height = bbox.height / data.lanes.length;
      data.lanes.forEach((lane, index) => {
        const top = bbox.top + index * height;
        for (const { state, from, to } of lane.bands) {
          const left = xOf(u, from);
          box(ctx, {
            x: left,
            y: top + 2 * px(),
            width: xOf(u, to) - left,
            height: height - 4 * px(),
            fill: color(state),
          });
        }
      });
      eachRequest(u, (i, fate) => {
        const lane = data.requests.lane[i];
        if (lane < 0) return;
        const x = xOf(u, data.requests.due[i]);
        const top = bbox.top + lane * height;
        ctx.fillStyle = color(fate);
        if (good.has(fate)) {
          ctx.globalAlpha = 0.5;
          ctx.fillRect(x, top + height * 0.62, px(), height * 0.22);
        } else {
          ctx.globalAlpha = 1;
          dot(ctx, { x, y: top + height * 0.72, radius: 2.6 });
        }
      });
      ctx.globalAlpha = 1;
      data.lanes.forEach((lane, index) => {
        const top = bbox.top + index * height;
        const middle = top + height * (lane.kind === "replica" ? 0.36 : 0.5);
        for (const { state, from, to } of lane.bands) {
          const left = Math.max(bbox.left, xOf(u, from));
          const width = Math.min(bbox.left + bbox.width, xOf(u, to)) - left - 8 * px();
          text(ctx, state.replace("_", " "), {
            x: left + 5 * px(),
            y: middle,
            size: 10.5,
            color: color("soft"),
            within: width,
          });
        }
        for (const { at, what } of lane.signs) {
          const x = xOf(u, at);
          ctx.strokeStyle = color("ink");
          ctx.lineWidth = 1.5 * px();
          ctx.beginPath();
          ctx.moveTo(x, top + px());
          ctx.lineTo(x, top + height - px());
          ctx.stroke();
          if (what === "died") text(ctx, "✕", { x, y: top + height / 2, size: 13, weight: 700, align: "center" });
        }
      });
    });
    gutterLabels(
      u,
      data.lanes.map((lane) => ({ words: narrow() ? lane.label.replace(/^\S+ /, "") : lane.label })),
    );
  }

  function gutterLabels(u, labels) {
    const { ctx, bbox } = u;
    const height = bbox.height / labels.length;
    ctx.save();
    labels.forEach(({ words }, index) => {
      text(ctx, words, {
        x: bbox.left - 8 * px(),
        y: bbox.top + (index + 0.5) * height,
        align: "right",
        size: narrow() ? 9.5 : 11.5,
        color: color("soft"),
        within: bbox.left - 10 * px(),
        shorten: true,
      });
    });
    ctx.restore();
  }

  function sentenceAt(seconds) {
    const bin = Math.floor(seconds / data.bins.seconds);
    const rates = data.bins.perSecond
      .filter(({ values }) => (values[bin] ?? 0) > 0)
      .map(({ fate, values }) => `${Math.round(values[bin])}/s ${fate}`);
    const spans = data.spans.filter(({ from, to }) => from <= seconds && seconds < to).map(({ name }) => name);
    const states = data.lanes
      .flatMap((lane) => lane.bands.filter(({ from, to }) => from <= seconds && seconds < to).map(({ state }) => state))
      .reduce((counts, state) => counts.set(state, (counts.get(state) ?? 0) + 1), new Map());
    return [
      `${seconds.toFixed(1)} s`,
      spans.join(", "),
      rates.join(", ") || "nothing due",
      [...states].map(([state, count]) => `${count} ${state.replace("_", " ")}`).join(", "),
    ]
      .filter(Boolean)
      .join(" · ");
  }

  const idle = readout.textContent;
  const sync = uPlot.sync("run");
  const axis = (more) => ({
    stroke: () => color("soft"),
    font: '11px system-ui, "DejaVu Sans", sans-serif',
    grid: { stroke: () => color("line"), width: 1 },
    ticks: { show: false },
    ...more,
  });
  const timeAxis = () =>
    axis({ size: 26, values: (_, splits) => splits.map((value) => `${value} s`), grid: { show: false } });
  const noAxis = () => axis({ size: 0, values: () => [], grid: { show: false } });
  const blankGutter = () => axis({ size: gutter(), values: () => [], grid: { show: false } });

  const took = (ms) => (ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`);
  const slowest = data.requests.tookMs.reduce((max, ms) => Math.max(max, ms), 10);
  const topRate = data.bins.perSecond.reduce(
    (sum, { values }) => values.map((value, bin) => value + (sum[bin] ?? 0)),
    [],
  );
  const topOfRates = Math.max(1, ...topRate) * 1.12;

  const PLOTS = [
    { title: "What was done", height: () => rows * 24 + 4, draw: drawSpans, y: { range: [0, 1] } },
    {
      title: "Requests a second, by fate",
      height: () => (narrow() ? 150 : 180),
      draw: drawRates,
      y: { range: [0, topOfRates] },
      yAxis: () => axis({ size: gutter(), space: 40, values: (_, splits) => splits.map((v) => `${v}/s`) }),
    },
    {
      title: "Failed requests, by connection",
      height: () => 62,
      draw: drawFailures,
      y: { range: [0, 1] },
      shade: true,
    },
    {
      title: "Time to the whole answer, from when the request was due",
      height: () => (narrow() ? 190 : 230),
      draw: drawLatencies,
      y: { distr: 3, range: [1, slowest * 1.5] },
      yAxis: () =>
        axis({
          size: gutter(),
          splits: () => [1, 10, 100, 1000, 10_000].filter((ms) => ms <= slowest * 1.5),
          values: (_, splits) => splits.map(took),
        }),
      x: timeAxis,
      shade: true,
    },
    {
      title: "Replicas: state, and the requests that each served",
      height: () => data.lanes.length * 30 + 30,
      draw: drawLanes,
      y: { range: [0, 1] },
      x: timeAxis,
    },
  ].filter(({ draw }) => draw !== drawLanes || data.lanes.length > 0);

  const charts = [];
  for (const plot of PLOTS) {
    const title = document.createElement("h3");
    title.textContent = plot.title;
    const place = document.createElement("div");
    place.className = "plot";
    place.setAttribute("aria-hidden", "true");
    host.append(title, place);
    charts.push(makeChart(plot, place));
  }

  function makeChart(plot, place) {
    const build = () =>
      new uPlot(
        {
          width: host.clientWidth,
          height: plot.height(),
          padding: [4, 10, plot.x ? 0 : 4, 0],
          legend: { show: false },
          cursor: {
            y: false,
            points: { show: false },
            drag: { x: true, y: false, setScale: true },
            sync: { key: sync.key, scales: ["x", null] },
          },
          scales: { x: { time: false, range: (_u, min, max) => [min ?? whole.min, max ?? whole.max] }, y: plot.y },
          series: [{}, { paths: () => null, points: { show: false } }],
          axes: [(plot.x ?? noAxis)(), (plot.yAxis ?? blankGutter)()],
          hooks: {
            drawClear: plot.draw === drawSpans ? [] : [shadeFault],
            draw: [
              (u) => {
                if (plot.draw !== drawSpans) drawEdges(u);
                plot.draw(u);
              },
            ],
            setCursor: [
              (u) => {
                if (u.cursor.event) say(u);
              },
            ],
            setScale: [
              (u, key) => {
                if (key === "x") follow(u);
              },
            ],
          },
        },
        [
          [whole.min, whole.max],
          [null, null],
        ],
        place,
      );
    const chart = {
      u: build(),
      plot,
      place,
      rebuild: () => {
        chart.u.destroy();
        chart.u = build();
      },
    };
    return chart;
  }

  function say(u) {
    readout.textContent = u.cursor.left >= 0 ? sentenceAt(Math.max(0, u.posToVal(u.cursor.left, "x"))) : idle;
  }

  let following = false;
  function follow(source) {
    if (following) return;
    following = true;
    const { min, max } = source.scales.x;
    for (const { u } of charts) if (u !== source) u.setScale("x", { min, max });
    reset.hidden = min <= whole.min && max >= whole.max;
    following = false;
  }

  reset.addEventListener("click", () => {
    for (const { u } of charts) u.setScale("x", whole);
  });
  const redraw = () => {
    for (const { u } of charts) u.redraw();
  };
  globalThis.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  let width = host.clientWidth;
  new ResizeObserver(() => {
    if (host.clientWidth === width) return;
    width = host.clientWidth;
    for (const chart of charts) chart.rebuild();
  }).observe(host);
})();
