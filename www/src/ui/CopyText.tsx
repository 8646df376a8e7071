// Copies something: a secret, which leaves the clipboard again, or a name, which stays.

import { useState } from "react";

import { canClear, copySecret, copyText, KEPT_SECONDS, useIsCopied } from "../app/clipboard";
import { useLanguage } from "../app/language";
import { useAction } from "../app/useAction";
import { Button } from "./Button";
import { Failure } from "./Failure";

interface SecretProps {
  /** What it copies, in words; no two buttons of a page have the same. */
  label: string;
  /** The secret, or how it is read. */
  read: () => string | Promise<string>;
  kind?: "plain" | "quiet";
  /** Leaves out when the clipboard is cleared, where another button says it. */
  isBrief?: boolean;
  /** Shows all of the label, where "Copy" alone could mean another button's text. */
  isSpelt?: boolean;
}

export function CopySecret({ label, read, kind = "plain", isBrief = false, isSpelt = false }: SecretProps) {
  const { t } = useLanguage();
  const isCopied = useIsCopied(label);
  const { run, isRunning, error } = useAction(() => copySecret(read(), label));
  return (
    <>
      <Button kind={kind} onPress={() => void run()} isPending={isRunning} aria-label={label}>
        {isCopied ? t("Copied") : isSpelt ? label : t("Copy")}
      </Button>
      {isCopied && !isBrief && <ClipboardHint />}
      <Failure error={error} />
    </>
  );
}

/** What becomes of the clipboard after a secret was copied. */
export function ClipboardHint() {
  const { t } = useLanguage();
  return (
    <span className="hint" role="status">
      {canClear()
        ? t(
            "The clipboard is cleared after {seconds} s; if the browser does not allow it then, at your next press here.",
            {
              seconds: KEPT_SECONDS,
            },
          )
        : t("It stays in the clipboard: over plain HTTP this page cannot clear it.")}
    </span>
  );
}

/** Copies something that is no secret. */
export function CopyName({ label, text }: { label: string; text: string }) {
  const { t } = useLanguage();
  const [isCopied, setIsCopied] = useState(false);
  const { run, error } = useAction(async () => {
    await copyText(text);
    setIsCopied(true);
    setTimeout(() => setIsCopied(false), 2000);
  });
  return (
    <>
      <Button kind="quiet" onPress={() => void run()} aria-label={label}>
        {isCopied ? t("Copied") : t("Copy")}
      </Button>
      <Failure error={error} />
    </>
  );
}
