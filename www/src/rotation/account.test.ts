import { expect, test } from "vitest";

import { accountValue, ENGINES, inEngine, missingIn, newAccount } from "./account";

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

test("another engine changes the port that nobody changed, and nothing that was typed", () => {
  const [postgresql, mysql] = ENGINES;
  if (!mysql) throw new Error("there is one engine");
  const typed = { ...newAccount(postgresql), host: "db", dbname: "shop", username: "app", password: "p" };
  expect(inEngine(typed, mysql)).toEqual({ ...typed, engine: "mysql", port: "3306" });
  expect(inEngine({ ...typed, port: "6000" }, mysql).port).toBe("6000");
});

test("everything that is missing is named at once", () => {
  expect(missingIn({ ...newAccount(ENGINES[0]), port: "70000" })).toEqual(["host", "port", "username", "password"]);
});
