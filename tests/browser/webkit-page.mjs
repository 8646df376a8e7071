// A page of WebKit, driven by WebDriver, with as much of puppeteer's interface as the tests use. What WebDriver does not offer is
// not here: answers of the network that are held back or replaced, another clock, and scripts that run before those of the page.

/** What WebDriver calls a reference to an element. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** Keys without a character of their own, as WebDriver writes them. */
const KEYS = {
  ArrowDown: "\ue015",
  ArrowUp: "\ue013",
  Backspace: "\ue003",
  Control: "\ue009",
  End: "\ue010",
  Enter: "\ue007",
  Escape: "\ue00c",
  Home: "\ue011",
  Shift: "\ue008",
  Tab: "\ue004",
};

/** A refusal of the driver, with WebDriver's name for it in `code`. */
export class Refusal extends Error {
  constructor({ error, message }) {
    super(`${error}: ${message}`);
    this.code = error;
  }
}

/** Sends a command of WebDriver, and returns its value. */
export async function command(method, address, body) {
  const request = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const { value } = await (await fetch(address, request)).json();
  if (value?.error !== undefined) throw new Refusal(value);
  return value;
}

/** Notes what the page complains of from now on. Runs in the page, once for each document. */
const LISTEN = `if (window.csmsComplaints === undefined) {
  const complaints = (window.csmsComplaints = []);
  const write = console.error;
  console.error = (...words) => (complaints.push(words.map(String).join(" ")), write.apply(console, words));
  // Sizes that settle in the next frame are no fault.
  addEventListener("error", ({ message }) => /^ResizeObserver loop/.test(message) || complaints.push(String(message)));
  addEventListener("unhandledrejection", ({ reason }) => complaints.push(String(reason)));
  document.addEventListener("securitypolicyviolation", (event) => complaints.push(event.effectiveDirective + " " + event.blockedURI));
}`;

/** An element of the page, as an argument of `evaluate` and to be pressed. */
class WebKitElement {
  #page;

  constructor(page, reference) {
    this.#page = page;
    this[ELEMENT] = reference;
  }

  asElement() {
    return this;
  }

  evaluate(work, ...args) {
    return this.#page.evaluate(work, this, ...args);
  }

  evaluateHandle(work, ...args) {
    return this.#page.evaluateHandle(work, this, ...args);
  }

  /** Presses it in its middle, where nothing may lie over it: away from what stays at the edges of the window. */
  async click() {
    await this.evaluate((element) => (element.closest("select") ?? element).scrollIntoView({ block: "center" }));
    await this.#page.send("POST", `/element/${this[ELEMENT]}/click`, {});
  }

  /** Chooses an option of a list by its value. Returns whether it was there. */
  async select(value) {
    const option = await this.evaluateHandle((list, value) => [...list.options].find((each) => each.value === value), value);
    const element = option.asElement();
    await element?.click();
    return element !== null;
  }
}

export class WebKitPage {
  /** What pressing and typing goes through. */
  keyboard = {
    /** Presses a key, or several that are held, such as `Control+k`. */
    press: (keys) => {
      const held = keys.split("+").map((key) => KEYS[key] ?? key);
      return this.#typeKeys([
        ...held.map((value) => ({ type: "keyDown", value })),
        ...held.toReversed().map((value) => ({ type: "keyUp", value })),
      ]);
    },
    /** Types a text. */
    type: (text) =>
      this.#typeKeys(
        [...text].flatMap((character) => {
          const value = character === "\n" ? KEYS.Enter : character;
          return [{ type: "keyDown", value }, { type: "keyUp", value }];
        }),
      ),
  };
  #session;
  #listeners = { console: [], dialog: [], pageerror: [] };

  /** @param downloads the directory of downloaded files */
  constructor(session, downloads) {
    this.#session = session;
    this.downloads = downloads;
  }

  /** Calls `listener` for a `dialog` of the page, or a `pageerror`, which is what it complains of in any way once it is loaded. */
  on(event, listener) {
    this.#listeners[event].push(listener);
  }

  /** Sends a command of the session. A question of the page is answered first. */
  async send(method, path, body) {
    for (;;) {
      try {
        return await command(method, this.#session + path, body);
      } catch (error) {
        if (error.code !== "unexpected alert open" || !(await this.#answer())) throw error;
      }
    }
  }

  /** Answers the question that the page asks; `false` if it asks none. */
  async #answer() {
    const message = await command("GET", `${this.#session}/alert/text`).catch((error) => {
      if (error.code === "no such alert") return undefined;
      throw error;
    });
    if (message === undefined) return false;
    const act = (how) => command("POST", `${this.#session}/alert/${how}`, {});
    const dialog = { message: () => message, accept: () => act("accept"), dismiss: () => act("dismiss") };
    for (const listener of this.#listeners.dialog) await listener(dialog);
    return true;
  }

  async goto(url) {
    await this.send("POST", "/url", { url });
    await this.evaluate(LISTEN);
  }

  async goBack() {
    await this.send("POST", "/back", {});
  }

  async reload() {
    await this.send("POST", "/refresh", {});
    await this.evaluate(LISTEN);
  }

  /** Makes the page so large. Only the window's size can be asked for, so that its frame is measured. */
  async setViewport({ width, height }) {
    const [innerWidth, innerHeight] = await this.evaluate(() => [innerWidth, innerHeight]);
    const rect = await this.send("GET", "/window/rect");
    await this.send("POST", "/window/rect", {
      width: rect.width + width - innerWidth,
      height: rect.height + height - innerHeight,
    });
    await this.waitForFunction(([width, height]) => innerWidth === width && innerHeight === height, { timeout: 10_000 }, [width, height]);
  }

  /** Runs a function in the page, or the statements of a text, and returns what it returns. */
  async evaluate(work, ...args) {
    return (await this.#run(work, args))?.value;
  }

  /** The element that a function returns. */
  async evaluateHandle(work, ...args) {
    const reference = (await this.#run(work, args))?.value?.[ELEMENT];
    return { asElement: () => (reference === undefined ? null : new WebKitElement(this, reference)) };
  }

  /** Waits until a function returns something true. */
  async waitForFunction(condition, { timeout }, ...args) {
    const end = Date.now() + timeout;
    while (Date.now() < end) {
      if (await this.evaluate(condition, ...args)) return;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    throw new Error(`waited ${timeout} ms in vain for ${condition}`);
  }

  /** @returns `undefined` if the page asked something meanwhile: WebDriver then drops what the script returns. */
  async #run(work, args) {
    const code = typeof work === "function" ? `return (${work})(...given);` : work;
    const script = `const given = [...arguments], done = given.pop();
      const drained = () => window.csmsComplaints?.splice(0) ?? [];
      (async () => { ${code} })().then(
        (value) => done({ value, complaints: drained() }),
        (error) => done({ error: String(error), complaints: drained() }),
      );`;
    // JSON has no `undefined`; what is left out at the end is undefined there too.
    const given = args.slice(0, args.findLastIndex((each) => each !== undefined) + 1);
    const outcome = await this.send("POST", "/execute/async", { script, args: given });
    if (outcome === null) {
      await this.#answer();
      return undefined;
    }
    for (const complaint of outcome.complaints) this.#listeners.pageerror.forEach((listener) => listener(complaint));
    if (outcome.error !== undefined) throw new Error(outcome.error);
    return outcome;
  }

  async #typeKeys(actions) {
    let isDone = false;
    const typing = this.send("POST", "/actions", { actions: [{ type: "key", id: "keyboard", actions }] });
    const end = typing.finally(() => (isDone = true));
    // A key may lead to a question, which holds up the answer of the driver.
    while (!isDone) {
      await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 100))]);
      if (!isDone) await this.#answer();
    }
    await typing;
  }
}
