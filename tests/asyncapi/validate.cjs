// Reads an AsyncAPI document from standard input; prints what is wrong with it as JSON lines, and exits 1 if anything is.
const { Parser } = require("@asyncapi/parser");
const { readFileSync } = require("node:fs");

const WARNING = 1;

new Parser().parse(readFileSync(0, "utf-8")).then(({ document, diagnostics }) => {
  const found = diagnostics.filter(({ severity }) => severity <= WARNING);
  for (const { code, severity, message, path } of found) {
    console.log(JSON.stringify({ code, severity, message, path }));
  }
  process.exitCode = document && found.length === 0 ? 0 : 1;
});
