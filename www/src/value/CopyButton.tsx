// Copies a value without showing it, and takes it out of the clipboard again after a while.

import { useEffect, useRef, useState } from "react";

import { canClear, copyText } from "../app/clipboard";
import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { Button } from "../ui/Button";
import { Failure } from "../ui/Failure";
import { storedOf, storedText } from "./value";

const KEPT_SECONDS = 60;

export function CopyButton({ name, version }: { name: string; version: string }) {
  const { t } = useLanguage();
  const { client } = useSession();
  const [isCopied, setIsCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const { run, isRunning, error } = useAction(async () => {
    const reading = client.showSecretVersion({ secret_name: name, version_id: version });
    await copyText(reading.then((answer) => storedText(storedOf(answer.version))));
    setIsCopied(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      setIsCopied(false);
      // Fails when the page is in the background, where nothing can be done.
      navigator.clipboard?.writeText("").catch(() => undefined);
    }, KEPT_SECONDS * 1000);
  });
  return (
    <>
      <Button
        onPress={() => void run()}
        isPending={isRunning}
        aria-label={t("Copy the value of {version}", { version })}
      >
        {isCopied ? t("Copied") : t("Copy")}
      </Button>
      {isCopied && (
        <span className="hint" role="status">
          {canClear()
            ? t("It leaves the clipboard after {seconds} s.", { seconds: KEPT_SECONDS })
            : t("It stays in the clipboard: over plain HTTP this page cannot clear it.")}
        </span>
      )}
      <Failure error={error} />
    </>
  );
}
