// Goes to a secret or a page by a few letters of its name.

import { type KeyboardEvent, useId, useMemo, useState } from "react";

import { EVERYTHING, searchOf } from "../secrets/filter";
import { useListing } from "../secrets/useListing";
import { Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { isComposing } from "./composing";
import { PLACES } from "./Frame";
import { isForbidden } from "./forbidden";
import { highlighted } from "./highlighted";
import { useLanguage } from "./language";
import { go, secretPath } from "./route";

/** Most lines to show. */
const SHOWN = 12;
/** Names that secrets may have. */
const NAME = /^[\w.-]{1,64}$/;

export function Palette({ onClose }: { onClose: () => void }) {
  const { t } = useLanguage();
  const id = useId();
  const [text, setText] = useState("");
  const { found: listed, error, isLoading, reload } = useListing(searchOf({ ...EVERYTHING, text }), SHOWN);
  /** A secret opens by its name though the person may not list any. */
  const isUnlisted = isForbidden(error);
  /** Where the highlighted line leads. */
  const [place, setPlace] = useState<string>();
  const found = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = (line: string) => words.every((word) => line.toLowerCase().includes(word));
    const pages = [...PLACES, { label: "New secret", href: "#/create" }, { label: "Import secrets", href: "#/import" }]
      .map(({ label, href }) => ({ href, label: t(label), isSecret: false }))
      .filter(({ label }) => matches(label));
    const named: { href: string; label: string; isSecret: boolean }[] = [];
    for (const { name } of listed?.secrets ?? []) {
      if (named.length === SHOWN) break;
      if (matches(name)) named.push({ href: secretPath(name), label: name, isSecret: true });
    }
    const typed = text.trim();
    if (isUnlisted && NAME.test(typed)) named.push({ href: secretPath(typed), label: typed, isSecret: true });
    return (words.length === 0 ? [...pages, ...named] : [...named, ...pages]).slice(0, SHOWN);
  }, [text, listed, isUnlisted, t]);
  const chosen = highlighted(found, place);
  const choose = (index: number) => setPlace(found[index]?.href);
  // What is highlighted stays so when other lines arrive.
  if (found[chosen]?.href !== place) choose(chosen);
  const open = (href: string) => {
    onClose();
    go(href);
  };
  const press = (event: KeyboardEvent) => {
    if (isComposing(event.nativeEvent)) return;
    const line = found[chosen];
    if (event.key === "ArrowDown") choose(Math.min(chosen + 1, found.length - 1));
    else if (event.key === "ArrowUp") choose(Math.max(chosen - 1, 0));
    else if (event.key === "Enter" && line) open(line.href);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t("Go to…")} isOpen onClose={onClose} isSearch>
      <input
        className="input"
        role="combobox"
        aria-expanded
        aria-controls={id}
        aria-activedescendant={found.length > 0 ? `${id}-${chosen}` : undefined}
        aria-label={t("Name of a secret or page")}
        placeholder={t("Name of a secret or page")}
        value={text}
        autoFocus
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          setText(event.target.value);
          setPlace(undefined);
        }}
        onKeyDown={press}
      />
      <div className="palette" role="listbox" id={id} aria-label={t("Found")}>
        {found.map(({ href, label, isSecret }, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard chooses in the field
          <div
            key={href}
            id={`${id}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            className="palette-line"
            onClick={() => open(href)}
          >
            <span className={isSecret ? "code" : undefined}>{label}</span>
            <span className="hint">{isSecret ? t("Secret") : t("Page")}</span>
          </div>
        ))}
      </div>
      {isUnlisted ? (
        <p className="hint">{t("You may not list the secrets. Type the whole name of one to open it.")}</p>
      ) : (
        <Failure error={error} onRetry={reload} />
      )}
      {found.length === 0 && !isLoading && error === undefined && <p className="muted">{t("Nothing of this name.")}</p>}
    </Dialog>
  );
}
