import { expect, test } from "vitest";

import { accountValue, ENGINES, missingIn, newAccount } from "./account";

test("the value holds what the rotation function reads", () => {
  const account = { ...newAccount(ENGINES[0]), host: " db.example ", username: "app", password: " p " };
  expect(JSON.parse(accountValue(account))).toEqual({
    engine: "postgresql",
    host: "db.example",
    port: 5432,
    username: "app",
    password: " p ",
    tls: "verify",
  });
});

test("everything that is missing is named at once", () => {
  expect(missingIn({ ...newAccount(ENGINES[0]), port: "70000" })).toEqual(["host", "port", "username", "password"]);
});
