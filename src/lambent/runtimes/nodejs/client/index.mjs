/** The client by the name of AWS's. The program is CommonJS: starting Node.js 20 and 22 with an ES module costs 2 ms. */
import "./index.cjs";
