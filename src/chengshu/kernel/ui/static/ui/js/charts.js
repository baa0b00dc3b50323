// Draws every [data-chart] from its JSON with ECharts, which is loaded only when a page has a chart.
// Colours come from the design tokens; tooltips are built as nodes, because the CSP allows no inline style.
(() => {
  "use strict";
  const source = document.currentScript.dataset.echarts;
  const drawn = new Map();
  let loading = null;

  const token = (name) => getComputedStyle(document.body).getPropertyValue(`--cs-${name}`).trim();
  const palette = (name, count) => Array.from({ length: count }, (_, i) => token(`${name}-${i + 1}`));
  const grouped = (value) => (value === null || value === undefined ? "—" : value.toLocaleString("zh-CN"));
  const spoken = (value) => {
    const size = Math.abs(value);
    if (size >= 1e8) return `${+(value / 1e8).toFixed(2)}亿`;
    return size >= 1e4 ? `${+(value / 1e4).toFixed(2)}万` : grouped(value);
  };

  const load = () => {
    loading ||= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = source;
      script.onload = () => resolve(window.echarts);
      script.onerror = reject;
      document.head.append(script);
    });
    return loading;
  };

  const tip = (data) => (hovered) => {
    const points = Array.isArray(hovered) ? hovered : [hovered];
    const box = document.createElement("div");
    box.className = "cs-charttip";
    const head = document.createElement("b");
    head.textContent = points[0].axisValueLabel ?? points[0].name;
    box.append(head);
    for (const point of points) {
      const line = document.createElement("span");
      const name = document.createElement("span");
      name.textContent = point.axisValueLabel === undefined ? data.series[0].name : point.seriesName;
      const value = document.createElement("span");
      const share = point.percent === undefined ? "" : `（${point.percent}%）`;
      value.textContent = `${grouped(point.value)} ${data.unit}${share}`;
      line.append(name, value);
      box.append(line);
    }
    return box;
  };

  const axes = (data, narrow) => {
    const faint = { color: token("text-3"), fontSize: 12 };
    const category = {
      type: "category",
      data: data.categories,
      inverse: data.kind === "hbar",
      boundaryGap: !["line", "area"].includes(data.kind),
      axisLine: { lineStyle: { color: token("border") } },
      axisTick: { show: false },
      axisLabel: { ...faint, hideOverlap: true },
    };
    const value = {
      type: "value",
      axisLabel: { ...faint, formatter: spoken },
      splitLine: { lineStyle: { color: token("border"), type: "dashed" } },
      // Numbers along the bottom of a phone stand side by side; on the left they stand above each other.
      splitNumber: data.kind === "hbar" && narrow ? 2 : 4,
      max: data.maximum ?? undefined,
      // Half a ticket does not exist: whole numbers get whole steps.
      minInterval: data.whole ? 1 : undefined,
    };
    return data.kind === "hbar" ? { xAxis: value, yAxis: category } : { xAxis: category, yAxis: value };
  };

  const cartesian = (data, narrow) => ({
    ...axes(data, narrow),
    grid: { left: 4, right: data.values ? 52 : 24, top: data.series.length > 1 ? 36 : 16, bottom: 4, containLabel: true },
    tooltip: { trigger: "axis", axisPointer: { type: ["bar", "hbar"].includes(data.kind) ? "shadow" : "line" } },
    legend: { show: data.series.length > 1, type: "scroll", top: 0, left: 0, right: 0, pageIconColor: token("text-2"), pageTextStyle: { color: token("text-3") } },
    series: data.series.map((series, index) => ({
      name: series.name,
      data: series.values,
      type: ["bar", "hbar"].includes(data.kind) ? "bar" : "line",
      stack: data.stacked ? "all" : undefined,
      barMaxWidth: 22,
      label: { show: data.values, position: data.kind === "hbar" ? "right" : "top", color: token("text-2"), formatter: (p) => grouped(p.value) },
      itemStyle: { color: series.tone ? token(series.tone) : undefined, borderRadius: data.stacked ? 0 : data.kind === "hbar" ? [0, 3, 3, 0] : [3, 3, 0, 0] },
      symbol: ["circle", "rect", "triangle", "diamond", "emptyCircle", "emptyRect"][index % 6],
      symbolSize: 6,
      showSymbol: data.categories.length <= 31,
      lineStyle: { width: 2 },
      areaStyle: data.kind === "area" ? { opacity: 0.12 } : undefined,
    })),
  });

  const pie = (data) => ({
    tooltip: { trigger: "item" },
    legend: { orient: "vertical", right: 0, top: "middle" },
    series: [{
      type: "pie",
      radius: ["52%", "78%"],
      center: ["34%", "50%"],
      label: { show: false },
      itemStyle: { borderColor: token("surface"), borderWidth: 2 },
      data: data.categories.map((name, i) => ({ name, value: data.series[0].values[i] })),
    }],
  });

  const contrasting = (colour) => {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    return r * 0.299 + g * 0.587 + b * 0.114 > 150 ? "#17202E" : "#FFFFFF";
  };
  const treemap = (data) => {
    const values = data.series[0].values;
    const steps = palette("seq", 7);
    const rank = values.map((v) => values.filter((other) => other < v).length / Math.max(1, values.length - 1));
    const colour = (i) => steps[Math.min(6, Math.floor(rank[i] * 7))];
    return {
      tooltip: { trigger: "item" },
      series: [{
        type: "treemap",
        roam: false,
        nodeClick: false,
        breadcrumb: { show: false },
        left: 0, right: 0, top: 0, bottom: 0,
        itemStyle: { gapWidth: 2, borderColor: token("surface"), borderWidth: 0 },
        label: { fontSize: 13, formatter: (p) => `${p.name}\n${spoken(p.value)}`, lineHeight: 18 },
        data: data.categories.map((name, i) => ({
          name, value: values[i], itemStyle: { color: colour(i) }, label: { color: contrasting(colour(i)) },
        })),
      }],
    };
  };

  const option = (data, narrow) => {
    const made = data.kind === "pie" ? pie(data) : data.kind === "treemap" ? treemap(data) : cartesian(data, narrow);
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    made.color = data.ordered ? palette("seq", 7).slice(-Math.max(1, data.series.length)) : palette("cat", 6);
    made.textStyle = { fontFamily: token("font"), color: token("text-2") };
    made.animation = !still;
    made.animationDuration = 180;
    made.animationDurationUpdate = 180;
    if (made.legend) Object.assign(made.legend, { icon: "roundRect", itemWidth: 12, itemHeight: 8, textStyle: { color: token("text-2"), fontSize: 12 } });
    Object.assign(made.tooltip, {
      formatter: tip(data), appendTo: "body", confine: true, borderWidth: 1, transitionDuration: 0,
      borderColor: token("border"), backgroundColor: token("surface"), textStyle: { color: token("text") },
    });
    return made;
  };

  const draw = (echarts, element) => {
    const data = JSON.parse(document.getElementById(element.dataset.chart).textContent);
    const chart = echarts.getInstanceByDom(element) || echarts.init(element, null, { renderer: "canvas" });
    chart.setOption(option(data, element.clientWidth < 480), true);
    if (data.urls.length && !drawn.has(element)) {
      chart.on("click", (hit) => { window.location.href = data.urls[hit.dataIndex]; });
    }
    drawn.set(element, chart);
  };

  const drawAll = () => {
    const found = document.querySelectorAll("[data-chart]");
    for (const [element, chart] of drawn) {
      if (!element.isConnected) {
        chart.dispose();
        drawn.delete(element);
      }
    }
    if (!found.length) return;
    load().then(
      (echarts) => found.forEach((element) => draw(echarts, element)),
      // Without the drawing the numbers are still there: open the table below it.
      () => found.forEach((element) => {
        element.hidden = true;
        element.closest("figure").querySelector("details").open = true;
      }),
    );
  };

  const resize = () => drawn.forEach((chart) => chart.resize());
  drawAll();
  document.addEventListener("htmx:afterSettle", drawAll);
  document.addEventListener("cs:repaint", drawAll);
  document.addEventListener("cs:resize", resize);
  window.addEventListener("resize", resize);
})();
