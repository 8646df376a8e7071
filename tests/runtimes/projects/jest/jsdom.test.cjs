/** @jest-environment jsdom */
require("./suite.cjs");
