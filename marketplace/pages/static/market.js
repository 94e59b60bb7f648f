// What a page changes goes through the public API with the page's cookie and its form token.
const csrf = document.body.dataset.csrf;

async function call(path, body, form) {
  const headers = { "Idempotency-Key": crypto.randomUUID() };
  if (csrf) headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method: "POST", headers, body: form ?? (body === undefined ? undefined : JSON.stringify(body)) });
  if (answer.status === 204) return {};
  const found = await answer.json();
  if (!answer.ok) throw found;
  return found;
}

function complain(problem) {
  const place = document.getElementById("problem");
  const rule = problem.rule ? `(${problem.rule.article})` : "";
  place.textContent = `${problem.title ?? problem}${rule} ${problem.detail ?? ""}`;
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
}

async function act(button, work) {
  button.disabled = true;
  try { await work(); } catch (problem) { complain(problem); } finally { button.disabled = false; }
}

// The access cookie lives some minutes; the refresh cookie goes to the sign-in routes only, and keeps a bidder in until the bell.
async function stayIn() {
  try {
    const { expires_in: life_s } = await call("/marketplace/v1/sign-ins/page/refresh");
    setTimeout(stayIn, life_s * 800);
    return true;
  } catch (problem) {
    if (problem.code) localStorage.removeItem("signed-in");  // refused; a lost connection is no reason to forget
    return false;
  }
}

if (csrf) sessionStorage.removeItem("came-back");
if (localStorage.getItem("signed-in")) {
  stayIn().then((isIn) => {
    if (!isIn || csrf || sessionStorage.getItem("came-back")) return;
    sessionStorage.setItem("came-back", "1");  // once: a browser that keeps no cookie must not reload for ever
    location.reload();
  });
}

for (const form of document.querySelectorAll("form[data-sign-in]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(form.querySelector("button"), async () => {
      const fields = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
      await call("/marketplace/v1/sign-ins/page", undefined, fields);
      localStorage.setItem("signed-in", "1");
      location.assign(form.dataset.next || "/");
    });
  });
}

for (const form of document.querySelectorAll("form[data-order]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(form.querySelector("button"), async () => {
      const fields = new FormData(form);
      const order = await call("/marketplace/v1/orders", {
        listing_id: form.dataset.order,
        buyer_city: fields.get("buyer_city") || null,
        confirmations: fields.getAll("confirmations"),
      });
      location.assign(`/orders/${order.id}`);
    });
  });
}

for (const form of document.querySelectorAll("form[data-json]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(form.querySelector("button"), async () => {
      const body = Object.fromEntries(new FormData(form));
      if (body.maximum_yuan !== undefined) {
        body.maximum_minor = Math.round(Number(body.maximum_yuan) * 100);
        delete body.maximum_yuan;
      }
      await call(form.dataset.json, body);
      location.reload();
    });
  });
}

for (const button of document.querySelectorAll("button[data-post]")) {
  button.addEventListener("click", () => act(button, async () => {
    await call(button.dataset.post);
    location.assign(button.dataset.next || location.href);
  }));
}

const viewed = document.querySelector("[data-view]");
if (viewed) call(`/marketplace/v1/listings/${viewed.dataset.view}/views`).catch(() => {});  // a count, no reason to complain

const live = document.querySelector("[data-stream]");
if (live) {
  const yuan = (fen) => "¥" + (fen / 100).toLocaleString("zh-CN", { minimumFractionDigits: 2 });
  const stream = new EventSource(live.dataset.stream);
  const show = (event) => {
    const entry = JSON.parse(event.data).entry ?? {};
    if (entry.price_minor !== undefined && entry.price_minor !== null) live.querySelector("[data-price]").textContent = yuan(entry.price_minor);
    if (entry.next_minimum_minor) live.querySelector("[data-next-minimum]").textContent = yuan(entry.next_minimum_minor);
    if (entry.ends_at) live.querySelector("[data-ends]").dataset.at = entry.ends_at;
    if (entry.bidder) {
      const row = document.createElement("li");
      row.textContent = `#${entry.seq} ${entry.bidder} ${yuan(entry.price_minor)}`;
      live.querySelector("[data-log]").prepend(row);
    }
  };
  for (const kind of ["message", "bid", "opened", "closed", "extended"]) stream.addEventListener(kind, show);
  const ends = live.querySelector("[data-ends]");
  const tick = () => {
    const left = Math.max(0, (Date.parse(ends.dataset.at) - Date.now() - Number(ends.dataset.skewMs || 0)) / 1000);
    ends.textContent = left > 0 ? `${Math.floor(left / 3600)}:${String(Math.floor(left / 60) % 60).padStart(2, "0")}:${String(Math.floor(left % 60)).padStart(2, "0")}` : "已截止 closed";
  };
  tick();
  setInterval(tick, 250);
}
