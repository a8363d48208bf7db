// Drives a Lambent through the AWS SDK for JavaScript and prints what it saw: a JSON document per line.
//
// The argument names what to do; endpoint, region and credentials come from the environment, where every SDK looks.
import { tell } from "./client.mjs";
import { chain, errors, invoke, life, pages } from "./functions.mjs";
import { aliases, mapping, settings } from "./resources.mjs";
import { stream } from "./streams.mjs";
import { url } from "./urls.mjs";

const scenarios = { life, invoke, stream, errors, chain, pages, settings, aliases, url, mapping };
tell(await scenarios[process.argv[2]]());
