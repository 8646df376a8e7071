// What a person does at the console, whatever the browser: arrives, signs in, goes somewhere, looks and waits. How things are
// found and pressed is each browser's own.

import { CREDENTIALS, URL_OF_CONSOLE } from "./stage.mjs";

/** The longest that anything may take on a busy machine, in milliseconds. */
export const PATIENCE = 30_000;
/** The pause between two looks at the page, in milliseconds: a look at every frame would slow down what is waited for. */
export const BETWEEN_LOOKS = 30;

/** What is the same in every browser. */
export class Person {
  /** Texts that the browser wrote into its console: errors and broken content policies. */
  complaints = [];
  /** What they say when the page asks whether to leave. */
  agrees = true;
  /** What the page asked. */
  questions = [];

  constructor(page) {
    this.page = page;
    page.on("console", (message) => {
      // Answers with an error status are logged as well; tests ask for some of them.
      const isAnswer = /Failed to load resource/.test(message.text());
      if (message.type() === "error" && !isAnswer) this.complaints.push(message.text());
    });
    page.on("dialog", (dialog) => {
      this.questions.push(dialog.message());
      return this.agrees ? dialog.accept() : dialog.dismiss();
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  /** Everything that the browser complained of so far. */
  async complained() {
    // What is noted in the page comes with its next answer.
    await this.page.evaluate(() => undefined);
    return this.complaints;
  }

  /** Waits until something is so that is found out by several looks at the page. */
  async until(condition) {
    const end = Date.now() + PATIENCE;
    while (!(await condition())) {
      if (Date.now() > end) throw new Error(`waited in vain for ${condition}`);
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS));
    }
  }

  /** Waits until the page has asked whether to leave. */
  isAsked() {
    return this.until(async () => {
      // A question of WebKit is found by the next look at the page.
      await this.page.evaluate(() => undefined);
      return this.questions.length > 0;
    });
  }

  /** What the clipboard holds, pasted as a person pastes it behind a text, into a field that is there for that only. */
  async pastes(before = "") {
    await this.page.evaluate((before) => {
      const field = document.body.appendChild(document.createElement("textarea"));
      field.id = "pasted";
      field.value = before;
      field.focus();
      field.setSelectionRange(before.length, before.length);
      document.addEventListener("keyup", () => (field.dataset.done = "yes"), { once: true });
    }, before);
    await this.key("Control+v");
    await this.waitFor(() => document.querySelector("#pasted").dataset.done === "yes");
    return this.page.evaluate(() => {
      const field = document.querySelector("#pasted");
      field.remove();
      return field.value;
    });
  }

  /** Chooses a file of these bytes in the field that the page has for it. */
  chooseFile(bytes, name = "file") {
    return this.page.evaluate(
      ([bytes, name]) => {
        const files = new DataTransfer();
        files.items.add(new File([Uint8Array.from(bytes)], name));
        const field = document.querySelector("input[type=file]");
        field.files = files.files;
        field.dispatchEvent(new Event("change", { bubbles: true }));
      },
      [[...bytes], name],
    );
  }

  /** Opens the console signed out. */
  async arrive() {
    await this.page.goto(`${URL_OF_CONSOLE}/`);
    await this.sees("Sign in");
  }

  /** Signs in with an access key, by default the first user's. */
  async signIn({ access_key, secret_key } = CREDENTIALS) {
    await this.arrive();
    await this.write("Access key (AK)", access_key);
    await this.write("Secret key (SK)", secret_key);
    await this.press("button", "Sign in");
    await this.waitFor(() => document.querySelector("main#main h1") !== null);
  }

  /** Opens the menu of the account, in the language of the page. */
  openAccount(label = `Account of ${CREDENTIALS.access_key}`) {
    return this.press("button", label);
  }

  /** Signs out by the menu of the account. */
  async signOut() {
    await this.openAccount();
    await this.press("button", "Sign out");
    await this.sees("Access key (AK)");
  }

  /** Goes to a place within the console, as by a link, and waits until it is there. */
  async goTo(hash) {
    await this.page.evaluate(async (hash) => {
      location.hash = "#/";
      location.hash = hash;
      // The page hears of it later, and begins to load then.
      await new Promise((resolve) => setTimeout(resolve));
    }, hash);
    await this.settles();
  }

  /** Waits until nothing is loading. */
  settles() {
    return this.waitFor(() => !/Loading…|loading more…/.test(document.body.innerText));
  }

  /** Waits until a text is in view. */
  sees(text) {
    return this.waitFor((text) => document.body.innerText.replace(/\s+/g, " ").includes(text), text);
  }

  /** The whole text in view. */
  text() {
    return this.page.evaluate(() => document.body.innerText);
  }

  /** The document as it is, attributes included. */
  html() {
    return this.page.evaluate(() => document.documentElement.outerHTML);
  }
}
