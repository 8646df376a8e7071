// What is tried in other browsers and not in WebKit, because its driver (WebDriver) has no way to do it. Each is reported as left
// out; what is only left to the long run says so where it is.

import { test } from "node:test";

const CANNOT = {
  "answers that are late, fail or are replaced (editing, many, palette, waiting)": "the driver cannot hold back an answer",
  "a value that leaves after 30 seconds (secrecy)": "the driver has no other clock",
  "nothing secret in a request (secrecy)": "the driver shows no requests",
  "engines without AbortSignal.any, cryptography or a clipboard (editing, secrecy)": "the driver runs nothing before the page",
  "the question before the page is loaded again (editing)": "the driver answers it; that the page asks for it is tried",
  "the theme of the system (accessibility)": "the driver cannot change it; the console's own choice is tried",
  "pages at 360 pixels (accessibility)": "the browser's window is wider",
};

for (const [what, why] of Object.entries(CANNOT)) test(what, { skip: why });
