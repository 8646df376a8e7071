/** @jest-environment node */
require("./suite.cjs");
