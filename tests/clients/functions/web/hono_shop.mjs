import { createHash } from "node:crypto";
import { Hono } from "hono";
import { handle } from "hono/aws-lambda";
import { compress } from "hono/compress";
import { getCookie, setCookie } from "hono/cookie";
import { cors } from "hono/cors";

const app = new Hono();
app.use(compress({ threshold: 1000 }));
app.use(
  cors({
    origin: "https://shop.example",
    allowMethods: ["GET", "POST"],
    allowHeaders: ["x-own"],
    credentials: true,
  }),
);

app.get("/", (c) => c.html("<h1>Tee für alle</h1>"));

app.get("/items/:name", (c) =>
  c.json({ name: c.req.param("name"), query: [...new URL(c.req.url).searchParams], url: c.req.url }),
);

app.get("/seen", (c) =>
  c.json({
    client: c.env.event.requestContext.http.sourceIp,
    agent: c.req.header("user-agent"),
    accept: c.req.header("accept"),
  }),
);

app.post("/orders", async (c) => {
  const order = await c.req.json();
  if (typeof order.item !== "string") return c.json({ detail: "no item" }, 422);
  return c.json({ count: 1, ...order }, 201, { location: "/orders/1" });
});

app.post("/login", async (c) => {
  const { user, password } = await c.req.parseBody();
  if (password !== "påss & word") return c.json({ detail: "wrong password" }, 403);
  setCookie(c, "session", user, { httpOnly: true, path: "/" });
  setCookie(c, "theme", "dark", { maxAge: 60 });
  return c.redirect("/me", 303);
});

app.get("/me", (c) => c.json(getCookie(c)));

app.get("/download", (c) =>
  c.body(Uint8Array.from({ length: 256 }, (_, byte) => byte), 200, {
    "content-type": "application/octet-stream",
    "content-length": "256",
    "content-disposition": 'attachment; filename="all.bin"',
  }),
);

app.get("/long", (c) => c.text("tea, ".repeat(1000), 200, { "content-length": "5000" }));

app.post("/upload", async (c) => {
  const { file, note } = await c.req.parseBody();
  const content = Buffer.from(await file.arrayBuffer());
  const sha256 = createHash("sha256").update(content).digest("hex");
  return c.json({ name: file.name, type: file.type, size: content.length, sha256, note });
});

app.delete("/orders/:number", (c) => c.body(null, 204));

app.get("/cached", (c) => {
  c.header("etag", '"v1"');
  return c.req.header("if-none-match") === '"v1"' ? c.body(null, 304) : c.json({ cached: true });
});

app.on(["GET", "PUT", "PATCH", "DELETE"], "/any", async (c) =>
  c.json({ method: c.req.method, body: await c.req.text() }),
);

app.get("/broken", () => {
  throw new Error("a secret of the shop");
});

app.notFound((c) => c.json({ detail: "Not Found" }, 404));

export const handler = handle(app);
