// A sealed value: what it says about itself, and a way to open it in this page.

import { type FormEvent, useState } from "react";

import { useLanguage } from "../app/language";
import { useAction } from "../app/useAction";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { SecretInput } from "../ui/SecretInput";
import { ShownValue } from "./ShownValue";
import { opened } from "./sealing";
import type { SealedHeader } from "./value";

export function OpenSealed({ token, header }: { token: string; header: SealedHeader }) {
  const { t } = useLanguage();
  const [secret, setSecret] = useState("");
  const [text, setText] = useState<string>();
  const isPassphrase = header.algorithm.startsWith("PBES2");
  const { name, purpose } = header;
  const { run, isRunning, error } = useAction(async () => {
    const binding = name !== undefined && purpose !== undefined ? { name, purpose } : undefined;
    setText(await opened(token, secret, header.algorithm, binding));
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run();
  };
  if (text !== undefined) return <ShownValue value={{ secret_string: text }} />;
  return (
    <form onSubmit={submit} className="sealed">
      <Notice title={t("This value is sealed.")}>
        <p>
          {isPassphrase
            ? t("Whoever sealed it has the passphrase.")
            : t("It was sealed for a public key; the private key opens it.")}{" "}
          <code>{header.algorithm}</code>
          {name !== undefined && (
            <>
              {" · "}
              {t("bound to")} <code>{name}</code>
            </>
          )}
        </p>
      </Notice>
      <SecretInput
        label={isPassphrase ? t("Passphrase") : t("Private key (JSON Web Key)")}
        onInput={setSecret}
        autoComplete="off"
      />
      {error !== undefined && (
        <p className="problem" role="alert">
          {t("It does not open: the key is not the right one, or the value was changed.")}
        </p>
      )}
      <Button type="submit" isDisabled={secret === ""} isPending={isRunning}>
        {t("Open in this page")}
      </Button>
    </form>
  );
}
