import { Hono } from "hono";
import { streamHandle } from "hono/aws-lambda";
import { setCookie } from "hono/cookie";
import { stream, streamSSE } from "hono/streaming";

const app = new Hono();

app.get("/events", (c) =>
  streamSSE(c, async (events) => {
    for (let id = 0; id < 3; id += 1) await events.writeSSE({ id: String(id), event: "tea", data: `cup ${id}` });
  }),
);

app.get("/long", (c) => {
  setCookie(c, "a", "1");
  setCookie(c, "b", "2");
  c.header("content-type", "text/plain");
  return stream(c, async (body) => {
    for (let piece = 0; piece < 80; piece += 1) await body.write("tea ".repeat(25_000));
  });
});

app.get("/plain", (c) => c.text("plain", 418));
app.delete("/plain", (c) => c.body(null, 204));
app.post("/echo", async (c) => c.body(await c.req.arrayBuffer(), 201, { "content-type": "image/x-own" }));
app.get("/broken", () => {
  throw new Error("a secret of the shop");
});

export const handler = streamHandle(app);
