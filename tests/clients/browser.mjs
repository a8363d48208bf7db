// Visits the tea house (PAGE) in Chromium, orders, and prints what a visitor sees as one JSON document.
// The picture of the page goes to PICTURE.
import chromium from "@sparticuz/chromium";
import puppeteer from "puppeteer-core";

const browser = await puppeteer.launch({
  executablePath: await chromium.executablePath(),
  args: chromium.args.filter((option) => !/web-security|isolate|site-per-process/.test(option)),
  headless: "shell",
});
const page = await browser.newPage();
await page.setViewport({ width: 900, height: 500 });
const seen = {};
const text = (selector) => page.$eval(selector, (element) => element.textContent);

await page.goto(process.env.PAGE);
await page.waitForFunction(() => document.body.textContent.includes("ready"));
for (const name of ["own", "other", "closed", "api"]) seen[name] = await text(`#${name}`);
await page.type("input", "Grüntee & Kuchen");
await page.screenshot({ path: process.env.PICTURE });
await Promise.all([page.waitForNavigation(), page.click("button")]);
seen.address = page.url();
seen.thanks = await text("h1");
seen.cookies = (await browser.cookies()).map(({ name, httpOnly }) => [name, httpOnly]).sort();
await browser.close();
console.log(JSON.stringify(seen));
