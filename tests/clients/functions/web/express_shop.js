"use strict";
const crypto = require("node:crypto");
const express = require("express");
const cookieParser = require("cookie-parser");
const compression = require("compression");
const cors = require("cors");
const multer = require("multer");
const serverless = require("serverless-http");

const app = express();
const files = multer({ storage: multer.memoryStorage() });
app.set("trust proxy", true);
app.use(compression({ threshold: 1000 }));
app.use(
  cors({
    origin: "https://shop.example",
    methods: ["GET", "POST"],
    allowedHeaders: ["x-own"],
    credentials: true,
    optionsSuccessStatus: 200,
  }),
);
app.use(express.json(), express.urlencoded(), cookieParser());

app.get("/", (request, response) => response.send("<h1>Tee für alle</h1>"));

app.get("/items/:name", (request, response) => {
  const address = new URL(request.originalUrl, `${request.protocol}://${request.get("host")}`);
  response.json({ name: request.params.name, query: [...address.searchParams], url: address.href });
});

app.get("/seen", (request, response) =>
  response.json({ client: request.ip, agent: request.get("user-agent"), accept: request.get("accept") }),
);

app.post("/orders", (request, response) => {
  if (typeof request.body.item !== "string") return response.status(422).json({ detail: "no item" });
  response.status(201).location("/orders/1").json({ count: 1, ...request.body });
});

app.post("/login", (request, response) => {
  const { user, password } = request.body;
  if (password !== "påss & word") return response.status(403).json({ detail: "wrong password" });
  response.cookie("session", user, { httpOnly: true, path: "/" });
  response.cookie("theme", "dark", { maxAge: 60_000 });
  response.redirect(303, "/me");
});

app.get("/me", (request, response) => response.json(request.cookies));

app.get("/download", (request, response) => {
  response.attachment("all.bin");
  response.type("application/octet-stream").send(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
});

app.get("/long", (request, response) => response.type("text/plain").send("tea, ".repeat(1000)));

app.post("/upload", files.single("file"), (request, response) => {
  const { originalname, mimetype, buffer } = request.file;
  response.json({
    name: originalname,
    type: mimetype,
    size: buffer.length,
    sha256: crypto.createHash("sha256").update(buffer).digest("hex"),
    note: request.body.note,
  });
});

app.delete("/orders/:number", (request, response) => response.status(204).end());

app.get("/cached", (request, response) => {
  response.set("ETag", '"v1"');
  if (request.fresh) return response.status(304).end();
  response.json({ cached: true });
});

for (const method of ["get", "put", "patch", "delete"]) {
  app[method]("/any", express.text({ type: "*/*" }), (request, response) =>
    response.json({ method: request.method, body: typeof request.body === "string" ? request.body : "" }),
  );
}

app.get("/broken", () => {
  throw new Error("a secret of the shop");
});

app.use((request, response) => response.status(404).json({ detail: "Not Found" }));

app.use((error, request, response, next) => response.status(500).type("text/plain").send("Internal Server Error"));

exports.handler = serverless(app, { binary: ["application/octet-stream"] });
