// Prints what the Khronos validator says of the GLB files named on the command line, as JSON.
const fs = require("fs");
const { validateBytes } = require("gltf-validator");

const reports = process.argv
  .slice(2)
  .map((path) => validateBytes(new Uint8Array(fs.readFileSync(path))).then(({ issues }) => issues));
Promise.all(reports).then((found) => console.log(JSON.stringify(found)));
