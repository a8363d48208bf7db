// Visits a shop (PAGE) in Chromium as a customer would, and reads what Hono streams (STREAMS, if there is one).
// Prints what it saw as one JSON document.
import chromium from "@sparticuz/chromium";
import puppeteer from "puppeteer-core";

const browser = await puppeteer.launch({
  executablePath: await chromium.executablePath(),
  args: chromium.args.filter((option) => !/web-security|isolate|site-per-process/.test(option)),
  headless: "shell",
});
const page = await browser.newPage();
const seen = {};

await page.goto(process.env.PAGE);
seen.title = await page.$eval("h1", (element) => element.textContent);

Object.assign(
  seen,
  await page.evaluate(async () => {
    const ordered = await fetch("/orders", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ item: "Grüntee 🍵" }),
    });
    const download = await fetch("/download");
    const long = await fetch("/long");
    const form = new FormData();
    form.set("note", "frisch");
    form.set("file", new Blob(["tea!".repeat(1000)], { type: "image/x-own" }), "a.bin");
    const uploaded = await (await fetch("/upload", { method: "POST", body: form })).json();
    const gone = await fetch("/orders/1", { method: "DELETE" });
    return {
      order: [ordered.status, ordered.headers.get("location"), await ordered.json()],
      download: [...new Uint8Array(await download.arrayBuffer())],
      long: [long.headers.get("content-encoding"), (await long.text()).length],
      upload: [uploaded.name, uploaded.type, uploaded.size, uploaded.note],
      gone: [gone.status, await gone.text()],
      broken: (await fetch("/broken")).status,
    };
  }),
);

// A form, the redirect after it, and the cookies that it brought.
await page.evaluate(() => {
  document.body.innerHTML =
    '<form method="post" action="/login"><input name="user" value="zoe"><input name="password"><button>in</button></form>';
});
await page.type("input[name=password]", "påss & word");
await Promise.all([page.waitForNavigation(), page.click("button")]);
seen.address = page.url();
seen.me = JSON.parse(await page.$eval("body", (element) => element.textContent));
seen.cookies = (await browser.cookies()).map(({ name, httpOnly }) => [name, httpOnly]).sort();

if (process.env.STREAMS) {
  await page.goto(`${process.env.STREAMS}plain`);
  seen.streams = await page.evaluate(async () => {
    const cups = [];
    await new Promise((resolve) => {
      const events = new EventSource("/events");
      events.addEventListener("tea", ({ data }) => cups.push(data));
      events.onerror = () => resolve(events.close()); // the end of the stream
    });
    const reader = (await fetch("/long")).body.getReader();
    let [pieces, size] = [0, 0];
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      pieces += 1;
      size += piece.value.length;
    }
    return { cups, size, inPieces: pieces > 1 };
  });
}
await browser.close();
console.log(JSON.stringify(seen));
