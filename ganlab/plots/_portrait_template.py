"""The page of a phase portrait: controls, canvas and the script that draws, with places for the games and the rules.

Each figure initialises only roots of its own name that are not ready, so several share a page, and a cell that is run
again still works.
"""

from string import Template

TEMPLATE = Template("""\
<figure data-ganlab-live="$name" style="margin:0 0 1em;max-width:${width}px;background:$face;color:$ink;\
color-scheme:light;padding:.75em;box-sizing:border-box;font-family:sans-serif;font-size:15px;line-height:1.5">
<img src="$picture" alt="$alt" style="display:block;width:100%;height:auto">
<div hidden>
<div style="display:flex;flex-wrap:wrap;gap:.5em 1em">
<label>game <select data-set="game" style="min-height:2.5em">$games</select></label>
<label>method <select data-set="method" style="min-height:2.5em">$methods</select></label>
<label>updates <select data-set="timing" style="min-height:2.5em">$timings</select></label>
</div>
<canvas tabindex="0" role="img" aria-label="$alt Drag, or use the arrow keys, to move the starting point." \
style="display:block;width:100%;height:auto;touch-action:none;cursor:crosshair;margin:.5em 0"></canvas>
<div style="display:grid;grid-template-columns:max-content 1fr 4em;gap:0 .75em;align-items:center">
<label for="$name-h">step size</label>
<input id="$name-h" data-set="h" type="range" min="0.01" max="1" step="0.01" value="$h" style="min-height:2.5em">
<span data-show="h"></span>
<label for="$name-gamma">gamma</label>
<input id="$name-gamma" data-set="gamma" type="range" min="0.05" max="3" step="0.05" value="$gamma" \
style="min-height:2.5em">
<span data-show="gamma"></span>
<label for="$name-beta">momentum</label>
<input id="$name-beta" data-set="beta" type="range" min="-0.9" max="0.9" step="0.05" value="-0.5" \
style="min-height:2.5em">
<span data-show="beta"></span>
</div>
<p role="status" style="margin:.5em 0 0;min-height:3em"></p>
</div>
<noscript>This is a picture; the live figure needs JavaScript.</noscript>
<script>
(() => {
  $prelude
  // The fields (-dL_G/dtheta, -dL_D/dpsi) and the rules, printed by SymPy from the symbolic losses.
  const games = {
$fields
  };
  const rules = {
$rules
  };
  const reach = 2.2, steps = 500;
  for (const root of document.querySelectorAll('[data-ganlab-live="$name"]:not([data-ready])')) {
    root.dataset.ready = "";
    const [image, box, canvas, status] = ["img", "div", "canvas", "p"].map(tag => root.querySelector(tag));
    const controls = {};
    for (const item of root.querySelectorAll("[data-set]")) controls[item.dataset.set] = item;
    let start = [1, 1], queued = false;
    const settings = () => {
      const game = games[controls.game.value], [h, gamma, beta] = ["h", "gamma", "beta"].map(k => +controls[k].value);
      const limit = game.bound(gamma), clip = y => Math.max(-limit, Math.min(limit, y));
      const vG = (x, y) => game.vG(x, y, gamma), vD = (x, y) => game.vD(x, y, gamma);
      const rule = rules[controls.method.value + " " + controls.timing.value];
      return {game, vG, vD, go: state => rule(state, h, beta, vG, vD, clip)};
    };
    const begin = ({vG, vD}, [x, y]) =>
      controls.method.value === "optimistic" ? [x, y, vG(x, y), vD(x, y)] : [x, y, 0, 0];
    // The factor of one step close to the solution: the mean growth of a small disturbance.
    const factor = ({go}) => {
      let v = [1, 0.5, 0, 0], sum = 0;
      for (let k = 0; k < 3000; k++) {
        v = go(v.map(a => 1e-7 * a)).map(a => 1e7 * a);
        const size = Math.hypot(...v);
        if (!(size > 0)) return 0;
        if (k >= 1000) sum += Math.log(size);
        v = v.map(a => a / size);
      }
      return Math.exp(sum / 2000);
    };
    const draw = () => {
      queued = false;
      const now = settings(), ratio = window.devicePixelRatio || 1, size = canvas.clientWidth || $width;
      canvas.width = canvas.height = Math.round(size * ratio);
      const c = canvas.getContext("2d"), at = ([x, y]) => [(x / reach + 1) * size / 2, (1 - y / reach) * size / 2];
      c.scale(ratio, ratio);
      c.fillStyle = "$face";
      c.fillRect(0, 0, size, size);
      const line = (points, color, width) => {
        c.strokeStyle = color; c.lineWidth = width; c.beginPath();
        points.forEach((p, i) => c[i ? "lineTo" : "moveTo"](...at(p)));
        c.stroke();
      };
      const dot = (p, color, r) => { c.fillStyle = color; c.beginPath(); c.arc(...at(p), r, 0, 7); c.fill(); };
      line([[-reach, 0], [reach, 0]], "$axis", 1);
      line([[0, -reach], [0, reach]], "$axis", 1);
      for (let i = -4; i <= 4; i++) for (let j = -4; j <= 4; j++) {
        const p = [i / 2, j / 2], v = [now.vG(...p), now.vD(...p)], s = Math.hypot(...v);
        if (!(s > 1e-9)) continue;
        const d = v.map(a => a / s * 0.3 * Math.min(1, 0.4 + s / 2)), tip = [p[0] + d[0], p[1] + d[1]];
        line([p, tip], "$arrow", 1.5);
        dot(tip, "$arrow", 2.5);
      }
      let state = begin(now, start);
      const path = [start];
      for (let k = 0; k < steps && Math.hypot(state[0], state[1]) < 1e6; k++) {
        state = now.go(state);
        path.push(state.slice(0, 2));
      }
      line(path, "$path", 1.5);
      path.forEach(p => dot(p, "$path", 1.8));
      dot(start, "$start", 8);
      dot([0, 0], "$ink", 5);
      c.fillStyle = "$ink"; c.font = "15px sans-serif";
      c.fillText("theta: the generator", size - 145, size / 2 + 18);
      c.fillText("psi: the discriminator", size / 2 + 8, 18);
      controls.beta.disabled = controls.method.value !== "momentum";
      controls.gamma.disabled = !now.game.weighted;
      for (const show of root.querySelectorAll("[data-show]")) {
        const input = controls[show.dataset.show];
        show.textContent = input.disabled ? "not used" : (+input.value).toFixed(2);
      }
      const rate = now.game.kink ? NaN : factor(now), end = Math.hypot(...path[path.length - 1]);
      const verdict = rate > 1.00005 ? "it spirals out" : rate < 0.99995 ? "it spirals in" : "it circles";
      status.textContent = "Start (" + start.map(a => a.toFixed(2)).join(", ") + "). Distance to the solution after " +
        (path.length - 1) + " steps: " + end.toPrecision(3) + ". " + (now.game.kink
        ? "The field has a kink at the solution: no rate there."
        : "Close to the solution each step multiplies it by " + rate.toFixed(4) + ": " + verdict + ".");
    };
    const redraw = () => { if (!queued) { queued = true; requestAnimationFrame(draw); } };
    const move = (x, y) => {
      start = [x, y].map(a => Math.max(-reach, Math.min(reach, Math.round(a * 100) / 100)));
      redraw();
    };
    const drag = event => {
      const frame = canvas.getBoundingClientRect();
      move(reach * (2 * (event.clientX - frame.left) / frame.width - 1),
        reach * (1 - 2 * (event.clientY - frame.top) / frame.height));
    };
    canvas.addEventListener("pointerdown", event => { canvas.setPointerCapture(event.pointerId); drag(event); });
    canvas.addEventListener("pointermove", event => { if (event.buttons) drag(event); });
    canvas.addEventListener("keydown", event => {
      const by = {ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1]}[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      move(start[0] + by[0], start[1] + by[1]);
    });
    for (const item of Object.values(controls)) item.addEventListener("input", redraw);
    new ResizeObserver(redraw).observe(canvas);
    image.hidden = true;
    image.style.display = "none";
    box.hidden = false;
    draw();
  }
})();
</script>
</figure>""")
