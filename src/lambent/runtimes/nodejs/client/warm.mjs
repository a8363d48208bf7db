/** An ES module that a stem imports before it is needed, see index.cjs. */
import "node:fs";
